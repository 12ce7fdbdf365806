"""`genelm ngram`, `generate`, `score` and `push`: make models and use them."""

import csv
import math
from pathlib import Path
from typing import Annotated

import typer

from genelm.storage import InputError, atomic_file, package_versions, started_command

ngram = typer.Typer(no_args_is_help=True, help="Fit n-gram models.")
Model = Annotated[str, typer.Argument(help="Folder of a model, or USER/NAME on the Hub.")]


@ngram.callback()
def _group() -> None:
    """Make `fit` a subcommand though it is the only one."""


@ngram.command()
def fit(
    data: Annotated[Path, typer.Option(help="Folder that `genelm data build` wrote; its train split is counted.")],
    output: Annotated[Path, typer.Option(help="Model folder to write; an older model there is replaced.")],
    order: Annotated[int, typer.Option(help="n: a base is predicted from the n - 1 before it.")] = 8,
    smoothing: Annotated[str, typer.Option(help="laplace or mle (none).")] = "laplace",
    pseudocount: Annotated[float, typer.Option(help="What Laplace smoothing adds to each count.")] = 1.0,
    paper: Annotated[
        bool, typer.Option(help="Spread probability over NLTK's seven symbols, as the paper does.")
    ] = False,
) -> None:
    """Count the n-grams of the training genes and write a model folder like any other.

    genelm ngram fit --data data/human_genes --order 8 --smoothing laplace --output runs/laplace8
    """
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from tqdm.auto import tqdm

    from genelm.dataset_scripts import load_split, read_manifest
    from genelm.modeling import RECORD_FILE, GeneNGramConfig, GeneNGramForCausalLM, save_model_folder
    from genelm.storage import check_replaceable
    from genelm.tokenization import encode, load_tokenizer

    check_replaceable(output, RECORD_FILE)
    manifest, genes = read_manifest(data), load_split(data, "train")
    try:
        config = GeneNGramConfig(order=order, smoothing=smoothing, pseudocount=pseudocount, paper=paper)
    except StrictDataclassError as error:
        raise InputError(f"This n-gram model cannot be: {error.__cause__}.") from error
    model = GeneNGramForCausalLM(config)
    bar = tqdm(genes["sequence"], desc="counting", unit="genes", unit_scale=True)
    model.count(torch.from_numpy(encode(sequence)) for sequence in bar)
    facts = manifest["splits"]["train"]
    record = {
        "command": started_command(),
        "config": {
            "model": {"model_type": config.model_type, "order": order, "smoothing": smoothing, "paper": paper}
            | ({"pseudocount": pseudocount} if smoothing == "laplace" else {})
        },
        "seed": None,
        "dataset": {
            "name": manifest["name"],
            "source": manifest["source"],
            "fingerprint": manifest["fingerprint"],
            "genes": facts["genes"],
            "bases": facts["bases"],
        },
        "parameters": model.counts.numel(),
        "packages": package_versions(),
    }
    save_model_folder(output, model, load_tokenizer(), record)
    print(f"{output}: {smoothing} n-gram of order {order}, counted over {facts['bases']:,} bases.")


def generate(
    model: Model,
    output: Annotated[Path, typer.Option(help="FASTA file to write; .gz is compressed.")],
    num: Annotated[int, typer.Option(min=1, help="Genes to write.")] = 10,
    prompt: Annotated[str, typer.Option(help="First bases of every gene.")] = "",
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help="Most bases added; the model may end a gene sooner.")
    ] = 300,
    temperature: Annotated[float, typer.Option(help="Above 1 more random, below 1 less.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same genes.")] = 0,
) -> None:
    """Write genes with a model.

    genelm generate runs/lstm --num 10 --prompt ATG --max-new-tokens 300 --output genes.fa
    """
    import dnaio

    from genelm.eval import this_process
    from genelm.modeling import generate_genes, load_model_folder, resolve_model_folder
    from genelm.tokenization import IUPAC_LETTERS

    wrong = sorted(set(prompt.upper()) - set(IUPAC_LETTERS))
    if wrong:
        raise InputError(
            f"The prompt has the letter {wrong[0]!r}; nucleotides are written {', '.join(IUPAC_LETTERS)}."
        )
    folder = resolve_model_folder(model)
    network, tokenizer = load_model_folder(folder)
    network.to(this_process().device)
    try:
        genes = generate_genes(
            network,
            tokenizer,
            num=num,
            prompt=prompt,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
        )
    except ValueError as error:
        raise InputError(f"{model} cannot write this: {error}; lower --max-new-tokens.") from error
    name = Path(model).name
    with atomic_file(output) as temporary, dnaio.open(temporary, mode="w", fileformat="fasta") as fasta:
        for number, (sequence, ended) in enumerate(genes, start=1):
            facts = f"prompt={prompt or '-'} temperature={temperature:g} seed={seed} ended={'yes' if ended else 'no'}"
            fasta.write(dnaio.SequenceRecord(f"{name}_{number} {facts}", sequence))
    print(f"{output}: {len(genes)} genes of {sum(len(sequence) for sequence, _ in genes):,} bases by {model}.")


def score(
    model: Model,
    fasta: Annotated[Path, typer.Argument(help="Genes as FASTA, plain or .gz.")],
    output: Annotated[Path, typer.Option(help="TSV file to write.")],
    per_base: Annotated[bool, typer.Option(help="One row a base instead of one a gene.")] = False,
    max_positions: Annotated[
        int, typer.Option(min=1, help="Positions of a batch; lower it if memory runs out.")
    ] = 16384,
) -> None:
    """Score genes: bits per base and perplexity of each, or the bits of each base.

    genelm score runs/lstm genes.fa --output scores.tsv

    Bits are -log2 p(base | the bases before it, the gene goes on); eos_bits is what the end of the gene costs.
    """
    import numpy as np

    from genelm.dataset_scripts import check_letters, read_fasta
    from genelm.eval import check_tokenizer, score_bases, score_genes
    from genelm.modeling import load_model_folder, resolve_model_folder

    if not fasta.is_file():
        raise InputError(f"{fasta} is not a file; give a FASTA file, plain or .gz.")
    names, sequences = [], []
    for gene, place in read_fasta(fasta):
        check_letters(gene, place)
        names.append(gene["gene_id"])
        sequences.append(gene["sequence"])
    network, tokenizer = load_model_folder(resolve_model_folder(model))
    check_tokenizer(tokenizer, model)
    with atomic_file(output) as temporary, open(temporary, "w", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        if per_base:
            table.writerow(["gene_id", "position", "base", "bits"])
            by_gene = score_bases(network, sequences, names=names, max_positions=max_positions)
            for name, sequence, nats in zip(names, sequences, by_gene, strict=True):
                for position, (base, bits) in enumerate(zip(sequence, nats / math.log(2), strict=True), start=1):
                    table.writerow([name, position, base, "" if np.isnan(bits) else f"{bits:.6f}"])
        else:
            table.writerow(["gene_id", "bases", "bits_per_base", "perplexity", "total_bits", "eos_bits"])
            scores = score_genes(network, sequences, names=names, max_positions=max_positions, description="scoring")
            bits = scores.base_nats / math.log(2)
            for row in zip(names, scores.n_bases, bits, scores.eos_nats / math.log(2), strict=True):
                name, bases, total, end = row
                mean = total / bases if bases else math.nan
                table.writerow([name, bases, f"{mean:.6f}", f"{2**mean:.6f}", f"{total:.6f}", f"{end:.6f}"])
    print(f"{output}: {len(names):,} genes scored by {model}.")


def push(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    repo: Annotated[str, typer.Option(help="Repository on the Hub, USER/NAME.")],
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="Results file, or folder of them (by default results/): those of this very model go into its card."
        ),
    ] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    dry_run: Annotated[Path | None, typer.Option(help="Write what would be uploaded to this folder instead.")] = None,
) -> None:
    """Upload a model with its tokenizer, code, card and results to the Hub.

    genelm push runs/lstm --repo USER/gene-lstm

    Log in first with `hf auth login`, or set HF_TOKEN.
    """
    from genelm.eval import read_results
    from genelm.model_cards import publish
    from genelm.modeling import model_fingerprint, resolve_model_folder

    folder = resolve_model_folder(str(model))
    fingerprint = model_fingerprint(folder)
    places = results or [path for path in [Path("results")] if path.is_dir()]
    files = [file for place in places for file in (sorted(place.glob("*.json")) if place.is_dir() else [place])]
    measured = [found for found in map(read_results, files) if found["model"]["fingerprint"] == fingerprint]
    if not measured:
        print("There are no results of this very model; the card will say so (see `genelm evaluate`, --results).")
    print(publish(folder, repo, measured, private=private, dry_run=dry_run))
