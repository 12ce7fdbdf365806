"""`genelm ngram`, `generate`, `score` and `push`: make models and use them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from genelm.storage import InputError, atomic_file, check_output_file, check_output_folder, slugify

from .app import App
from .arguments import Context, MaxPositions, Model, TrustRemoteCode, file_or_stdout, load_to_compute, names_of_options

ngram = App(no_args_is_help=True, help="Fit n-gram models, and count more genes into them.")

Threads = Annotated[int | None, typer.Option(min=1, help="Threads; all processors by default.")]


@ngram.command()
def fit(
    data: Annotated[Path, typer.Option(help="Folder that `genelm data build` wrote; its train split is counted.")],
    output: Annotated[Path, typer.Option(help="Model folder to write; an older model there is replaced.")],
    smoothing: Annotated[
        str,
        typer.Option(
            help="mixture (the best: many contexts, copies of genes, the gene itself), interpolated (contexts of all "
            "lengths), laplace (the paper's), or mle (none)."
        ),
    ] = "mixture",
    order: Annotated[
        int | None,
        typer.Option(
            help="n: a base is predicted from the n - 1 before it. By default 24 for mixture and interpolated, 8 for "
            "laplace and mle."
        ),
    ] = None,
    both_strands: Annotated[
        bool | None,
        typer.Option(
            help="Count reverse complements too; mixture and interpolated do by default.", show_default=False
        ),
    ] = None,
    own_gene: Annotated[
        bool | None,
        typer.Option(help="mixture: count the gene's own earlier bases; the default.", show_default=False),
    ] = None,
    pseudocount: Annotated[
        float | None, typer.Option(help="What Laplace smoothing adds to each count; 1 by default.")
    ] = None,
    paper: Annotated[
        bool | None,
        typer.Option("--paper", help="laplace, mle: spread probability over NLTK's seven symbols, as the paper does."),
    ] = None,
    threads: Threads = None,
) -> None:
    """Count the n-grams of the training genes and write a model folder like any other.

    genelm ngram fit --data data/human_genes --output runs/mixture

    genelm ngram fit --data data/human_genes --smoothing laplace --order 8 --output runs/laplace8

    mixture and interpolated also fit weights on the validation split, in less than a minute for 2 million bases. They
    take some 30 bytes of memory a base while they count (60 with both strands), and 7 (14) a base on the disk.
    """
    from genelm.fitting import fit_ngram
    from genelm.modeling import is_model_file

    check_output_folder(output, is_model_file)
    _use_threads(threads)
    model = fit_ngram(
        data,
        smoothing,
        order=order,
        both_strands=both_strands,
        own_gene=own_gene,
        pseudocount=pseudocount,
        paper=paper,
    )
    model.save(output)
    order, bases = model.network.config.order, model.record["dataset"]["bases"]
    print(f"{output}: {smoothing} n-gram of order {order}, {bases:,} bases counted.")


@ngram.command()
def add(
    model: Annotated[Path, typer.Argument(help="Folder of a fitted n-gram model.")],
    data: Annotated[Path, typer.Option(help="Folder that `genelm data build` wrote; its train split is counted too.")],
    output: Annotated[Path, typer.Option(help="Model folder to write; it may be that of the model.")],
    validation: Annotated[
        Path | None,
        typer.Option(help="Folder whose validation split weights are fitted on anew; that of --data by default."),
    ] = None,
    threads: Threads = None,
) -> None:
    """Count more genes into a fitted model: with the same validation genes, the same as fitting on all at once.

    genelm ngram add runs/mixture --data data/mouse_genes --validation data/human_genes --output runs/human_mouse

    Genes that mixture or interpolated have counted already, and validation genes, are left out; laplace and mle do not
    know their genes, and refuse only the same dataset.
    """
    from genelm.modeling import is_model_file, resolve_model_folder, save_model_folder
    from genelm.tokenization import load_tokenizer
    from genelm.training import add_to_ngram

    folder = resolve_model_folder(str(model))
    check_output_folder(output, is_model_file)
    _use_threads(threads)
    larger, record = add_to_ngram(folder, data, validation or data)
    save_model_folder(output, larger, load_tokenizer(), record)
    print(f"{output}: {larger.config.smoothing} n-gram, {record['dataset']['bases']:,} bases counted in all.")


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def generate(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(help="FASTA file to write, compressed if it ends in .gz. [default: standard output]"),
    ] = None,
    num: Annotated[int, typer.Option(min=1, help="Genes to write.")] = 10,
    prompt: Annotated[str, typer.Option(help="First bases of every gene.")] = "",
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help="Most bases added; the model may end a gene sooner.")
    ] = 300,
    min_new_tokens: Annotated[int, typer.Option(min=1, help="Least bases added before the model may end it.")] = 1,
    temperature: Annotated[float, typer.Option(min=0.01, help="Above 1 more random, below 1 less.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same genes.")] = 0,
) -> None:
    """Write genes with a model.

    genelm generate runs/lstm --num 10 --prompt ATG --max-new-tokens 300 --output genes.fa
    """
    if output is not None:
        check_output_file(output)

    import dnaio

    from genelm.model import Model as LoadedModel
    from genelm.model import check_limits

    with names_of_options():
        check_limits(min_new_tokens, max_new_tokens)  # before a model is loaded
    network, tokenizer, folder = load_to_compute(model)
    genes = LoadedModel(network, tokenizer, name=model, folder=folder).generate(
        num,
        prompt,
        max_new_tokens=max_new_tokens,
        min_new_tokens=min_new_tokens,
        temperature=temperature,
        seed=seed,
        description="generating",
    )
    name = slugify(Path(model).resolve().name)
    with (
        file_or_stdout(output) as path,
        atomic_file(path) as temporary,
        dnaio.open(temporary, mode="w", fileformat="fasta") as fasta,
    ):
        for number, gene in enumerate(genes, start=1):
            ended = "yes" if gene.ended else "no"
            facts = f"prompt={prompt or '-'} temperature={temperature:g} seed={seed} ended={ended}"
            fasta.write(dnaio.SequenceRecord(f"{name}_{number} {facts}", str(gene)))
    if output is not None:
        bases = sum(map(len, genes))
        print(f"{output}: {len(genes)} genes by {model}, {bases:,} bases in all.")


def score(
    model: Model,
    fasta: Annotated[Path, typer.Argument(help="Genes as FASTA, plain or .gz.")],
    output: Annotated[
        Path | None,
        typer.Option(help="TSV file to write, compressed if it ends in .gz. [default: standard output]"),
    ] = None,
    per_base: Annotated[bool, typer.Option(help="One row a base instead of one a gene.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="With --per-base: draw the bits along the first genes (.png or .svg).")
    ] = None,
    max_positions: MaxPositions = None,
    context: Context = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Score genes: bits per base and perplexity of each, or the bits of each base.

    genelm score runs/lstm genes.fa --output scores.tsv

    Bits are -log2 p(base | the bases before it, the gene goes on); eos_bits is what the end of the gene costs.
    """
    if output is not None:
        check_output_file(output, source=fasta)
    if plot is not None:
        check_output_file(plot, source=fasta)
        if not per_base or plot.suffix not in (".png", ".svg"):
            raise InputError(f"--plot {plot} needs --per-base and a name that ends in .png or .svg.")
    if not fasta.is_file():
        raise InputError(f"{fasta} is not a file; give a FASTA file, plain or .gz.")

    from genelm.dataset_scripts import check_letters, read_fasta
    from genelm.eval import MAX_POSITIONS, adapt, plot_bases, write_base_scores, write_gene_scores

    names, sequences = [], []
    for gene, place in read_fasta(fasta):
        check_letters(gene, place)
        names.append(gene["gene_id"])
        sequences.append(gene["sequence"])
    network, tokenizer, _ = load_to_compute(model, trust_remote_code)
    scorer = adapt(network, tokenizer, model, context=context)
    positions = max_positions or MAX_POSITIONS
    with file_or_stdout(output) as path:
        if per_base:
            nats = write_base_scores(scorer, names, sequences, path, positions)
        else:
            write_gene_scores(scorer, names, sequences, path, positions)
    if output is not None:
        print(f"{output}: {len(names):,} genes{', base by base' if per_base else ''}.")
    if plot is not None:
        drawn = plot_bases(names, nats, plot)
        print(f"{plot}: {drawn} of {len(names):,} genes, base by base.", file=sys.stderr)


def push(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    repo: Annotated[str, typer.Option(help="Repository on the Hub, USER/NAME.")],
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="Results file, or folder of them (by default results/): those of this very model go into its card."
        ),
    ] = None,
    license_name: Annotated[
        str | None,
        typer.Option("--license", help="Of the weights, as the Hub names it, such as cc-by-4.0; for the card."),
    ] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    dry_run: Annotated[Path | None, typer.Option(help="Write what would be uploaded to this folder instead.")] = None,
) -> None:
    """Upload a model with its tokenizer, code, card and results to the Hub.

    genelm push runs/lstm --repo USER/gene-lstm

    Log in first with `hf auth login`, or set HF_TOKEN.
    """
    from genelm.eval import read_results, results_files
    from genelm.model_cards import publish
    from genelm.modeling import model_fingerprint, resolve_model_folder

    folder = resolve_model_folder(str(model))
    fingerprint = model_fingerprint(folder)
    measured = []
    for place in results or [path for path in [Path("results")] if path.is_dir()]:
        for file in results_files([place]):
            try:
                found = read_results(file)
            except InputError as error:
                if results:
                    raise
                print(f"Left out, since nobody named it: {error}")
                continue
            # A folder may hold the results of several models; a file that was named must be of this one.
            if not place.is_dir() or found.model.fingerprint == fingerprint:
                measured.append(found)
    if not measured:
        print("There are no results of this very model; the card will say so (see `genelm evaluate`, --results).")
    address = publish(folder, repo, measured, license_name=license_name, private=private, dry_run=dry_run)
    print(f"{address}: what would be uploaded to {repo}." if dry_run else address)
