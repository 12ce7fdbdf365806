"""`genelm evaluate`, `baselines`, `variants` and `report`: measure models and lay the results side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genelm.storage import InputError, check_output_file, command_line
from genelm.version import __version__

from .arguments import Context, MaxPositions, Model, TrustRemoteCode, load_to_compute, parse_columns

if TYPE_CHECKING:
    import torch

    from genelm.eval import MeasuredModel, ScoreCache

Data = Annotated[Path, typer.Option(help="Folder that `genelm data build` wrote.")]
Split = Annotated[str, typer.Option(help="train, validation or test.")]
Task = Annotated[
    list[str] | None,
    typer.Option(
        help="perplexity (how well the next base is predicted; the default), edits (whether a real gene scores more "
        "than a copy with edits of one kind), mutations (the paper's task, on its pairs), generation (whether "
        "generated genes are like real ones, and whether they are copies), probing (whether hidden states tell type "
        "and family of a gene), or MODULE:CLASS, a task of your own; may be given several times."
    ),
]
Pairs = Annotated[
    list[Path] | None, typer.Option(help="For mutations, the paper's task: pair file, or folder of them.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of confidence intervals and of made pairs.")]


def evaluate(
    model: Model,
    data: Data,
    output: Annotated[Path, typer.Option(help="Results file (JSON) to write.")],
    split: Split = "validation",
    task: Task = None,
    pairs: Pairs = None,
    seed: Seed = 0,
    max_positions: MaxPositions = None,
    context: Context = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure a model on a dataset and write a results file.

    genelm evaluate runs/lstm --data data/human_genes --split test --task perplexity --task edits
    --output results/lstm.json

    Beside the results file comes a table of what each gene costs, by which `genelm report` compares models. After an
    interruption the same command goes on where it was. On several GPUs: accelerate launch -m genelm.cli evaluate ...
    """
    _check_results_file(output)

    from genelm.dataset_scripts import read_manifest
    from genelm.eval import MAX_POSITIONS, evaluate_model, headline, reports_of

    scorer, info, cache = _load(model, output, context, trust_remote_code)
    _check_same_kind(output, info.name, read_manifest(data).name, split)
    results = evaluate_model(
        scorer,
        measured_model=info,
        dataset_folder=data,
        split=split,
        tasks=task or ["perplexity"],
        pairs=pairs or [],
        seed=seed,
        command=command_line(),
        max_positions=max_positions or MAX_POSITIONS,
        cache=cache,
    )
    if cache is not None:
        results.save(output)
        cache.remove()
        values = headline(results, reports_of([results], task or []))
        width = max(len(name) for name, _ in values) + 2
        for name, value in values:
            print(f"{name + ':':{width}}{value}")
        for note in results.notes:
            print(note)
        print(f"{output}: {len(results.measurements)} measurements of {model} on {split}.")


def baselines(
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder for the results files.")],
    split: Split = "validation",
    task: Task = None,
    pairs: Pairs = None,
    order: Annotated[
        list[int] | None,
        typer.Option(help="Of a Markov model, bases of context; may be given several times. [default: 0 1 3 5 7 9]"),
    ] = None,
    seed: Seed = 0,
    max_positions: MaxPositions = None,
) -> None:
    """Measure what a model has to beat: uniform bases, Markov models, the n-gram mixture, xz and zstd.

    genelm baselines --data data/human_genes --split test --task perplexity --task edits --output results/

    Markov models count the training genes and add one. The mixture is that of `genelm ngram fit`; it is measured on
    the test split alone, since its weights are fitted on the validation split. What a compressor needs is the bits
    that the genes add to the compressed training genes; unlike a model it goes on learning from each gene to the next.
    """
    if output.suffix == ".json":
        raise InputError(f"--output {output} is to be a folder, for a results file of each baseline; give one.")

    from genelm.dataset_scripts import read_manifest
    from genelm.eval import MAX_POSITIONS, ORDERS, baseline_names, measure_baselines

    dataset = read_manifest(data).name
    for name in baseline_names(split, order or ORDERS):
        _check_same_kind(output / f"{name}.json", name, dataset, split)
    for path in measure_baselines(
        data,
        split,
        output,
        tasks=task or ["perplexity"],
        pairs=pairs or [],
        orders=order or ORDERS,
        seed=seed,
        command=command_line(),
        max_positions=max_positions or MAX_POSITIONS,
    ):
        print(path)


def variants(
    model: Model,
    variants: Annotated[Path, typer.Option(help="Variants: .vcf, or a table (.tsv, .csv); .gz is unpacked.")],
    reference: Annotated[Path, typer.Option(help="FASTA of the sequences they change, plain, gzip or bgz.")],
    output: Annotated[Path, typer.Option(help="Results file (JSON) to write; each variant's score lies beside it.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="OURS=THEIRS: the column (of VCF the INFO field) that holds contig, position, ref, alt, effect or "
            "label; may be given several times."
        ),
    ] = None,
    zero_based: Annotated[bool, typer.Option("--zero-based", help="Positions of a table count from 0.")] = False,
    positive: Annotated[
        list[str] | None, typer.Option(help="Label of variants that do harm; may be given several times.")
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(help="Label of variants that do none; may be given several times.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=2, help="Bases of the reference around a variant. [default: 512]")
    ] = None,
    both_strands: Annotated[
        bool, typer.Option("--both-strands", help="Average over the window and its reverse complement.")
    ] = False,
    seed: Seed = 0,
    max_positions: MaxPositions = None,
    context: Context = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Score variants, and compare what a model thinks of them with what is known of them.

    genelm variants runs/lstm --variants mine.vcf.gz --reference genome.fa.gz --output results/mine_lstm.json

    genelm variants runs/lstm --variants mpra.tsv --column contig=element --column position=pos0 --zero-based
    --column effect=log2_effect --reference elements.fa --output results/mpra_lstm.json

    A variant's score is the log-odds, against uniform bases, of the window with the alternative allele less that with
    the reference allele. It is compared with measured effects (Spearman) and with labels (AUROC), each with its
    interval, where there are any; the scores themselves lie beside the results, in results/mine_lstm.variants.tsv.
    """
    _check_results_file(output)
    for file in (variants, reference):
        if not file.is_file():
            raise InputError(f"{file} is not a file; check the path.")

    from genelm.eval import MAX_POSITIONS, WINDOW, evaluate_variants, name_variants

    scores = output.with_suffix(".variants.tsv")
    for source in (variants, reference):
        check_output_file(scores, source=source)
    scorer, info, cache = _load(model, output, context, trust_remote_code)
    _check_same_kind(output, info.name, *name_variants(variants, window or WINDOW, both_strands))
    results = evaluate_variants(
        scorer,
        measured_model=info,
        variants=variants,
        reference=reference,
        columns=parse_columns(column),
        zero_based=zero_based,
        positive=positive or [],
        negative=negative or [],
        window=window or WINDOW,
        both_strands=both_strands,
        seed=seed,
        command=command_line(),
        max_positions=max_positions or MAX_POSITIONS,
        cache=cache,
        variant_scores=scores if cache else None,
    )
    if cache is not None:
        results.save(output)
        cache.remove()
        for row in results.measurements:
            if row.metric == "count":
                reason = "" if row.group == "scored" else f" ({row.stratum})"
                print(f"{row.group}{reason}: {row.value:,.0f} variants")
            elif row.group == "all":
                ends = row.confidence_interval
                interval = "" if ends is None else f" ({ends[0]:.3f}–{ends[1]:.3f})"
                print(f"{row.metric}: {row.value:.3f}{interval}, {row.n_genes:,} variants")
        print(f"{output}: {len(results.measurements)} measurements of {model}; {scores}: the score of each variant.")


def report(
    results: Annotated[list[Path], typer.Argument(help="Results files of `genelm evaluate`, or folders of them.")],
    output: Annotated[Path, typer.Option(help="Folder for report.html, report.md and the plots.")],
    update: Annotated[
        Path | None, typer.Option(help="Markdown file whose table between the results marks is rendered anew.")
    ] = None,
    learning_curve: Annotated[
        Path | None, typer.Option(help="learning_curve.json of `genelm learning-curve`, on the same genes.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="MODULE:CLASS, a task of your own that is in the results; may be given several times."),
    ] = None,
) -> None:
    """Lay results side by side: tables and plots, as one HTML page and as Markdown.

    genelm report results/*.json --output report/
    """
    from genelm.eval import best_first, read_results, reports_of, results_files, results_table, update_table
    from genelm.evaluation import report as write_report

    for path in write_report(results, output, learning_curve=learning_curve, tasks=task or []):
        print(path)
    if update is not None:
        found = best_first([read_results(file) for file in results_files(results)])
        update_table(update, results_table(found, reports_of(found, task or [])))
        print(update)


def _check_results_file(output: Path) -> None:
    check_output_file(output)
    if output.suffix != ".json":
        raise InputError(f"--output {output} does not end in .json; name a results file so.")


def _check_same_kind(output: Path, name: str, dataset: str, split: str) -> None:
    """Refuse to replace the results of another model, or of another dataset or split."""
    from genelm.eval import read_results

    if not output.exists():
        return
    try:
        old = read_results(output)
    except InputError as error:
        raise InputError(f"--output {output} is there, but is no results file; choose another.") from error
    if (old.model.name, old.dataset.name, old.dataset.split) != (name, dataset, split):
        raise InputError(
            f"--output {output} has the results of {old.model.name} on {old.dataset.name}, {old.dataset.split}, "
            "already; choose another, or remove it."
        )


def _load(
    name: str, output: Path, context: int | None, trust_remote_code: bool
) -> tuple["torch.nn.Module", "MeasuredModel", "ScoreCache | None"]:
    """Return a model for the scorer, what it is, and on the main process the file that scores are kept in."""
    from genelm.eval import MeasuredModel, ScoreCache, adapt, this_process
    from genelm.modeling import describe_model
    from genelm.storage import sha256_of

    network, tokenizer, folder = load_to_compute(name, trust_remote_code)
    info = MeasuredModel(**describe_model(name, folder, network))
    scorer = adapt(network, tokenizer, name, context=context)
    if not this_process().is_main_process:
        return scorer, info, None
    # What decides the scores; those that were kept of anything else are not gone on with.
    code = sha256_of(sorted(path for path in folder.iterdir() if path.suffix in (".json", ".py", ".txt", ".model")))
    key = f"{info.fingerprint} {code} genelm {__version__} context {context}"
    return scorer, info, ScoreCache(output.with_suffix(".partial"), key)
