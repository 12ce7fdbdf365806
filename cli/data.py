"""`genelm data`: build datasets of genes."""

from pathlib import Path
from typing import Annotated

import typer

from genelm.storage import InputError, atomic_folder, started_command

data = typer.Typer(no_args_is_help=True, help="Build datasets of genes.")


@data.callback()
def _group() -> None:
    """Make `build` a subcommand though it is the only one."""


Files = Annotated[list[Path] | None, typer.Option(help="File of this split; may be given several times.")]


@data.command()
def build(
    output: Annotated[Path, typer.Option(help="Folder to write; an older dataset there is replaced.")],
    source: Annotated[str, typer.Option(help="csv, fasta (plain or .gz) or simulated.")] = "csv",
    train: Files = None,
    validation: Files = None,
    test: Files = None,
    input_files: Annotated[
        list[Path] | None,
        typer.Option("--input", help="File to split at random, instead of --train, --validation and --test."),
    ] = None,
    fractions: Annotated[
        tuple[float, float, float],
        typer.Option(help="Shares of train, validation and test in a random split: --fractions 0.8 0.1 0.1."),
    ] = (0.6, 0.2, 0.2),
    column: Annotated[
        list[str] | None,
        typer.Option(help="For csv: OURS=THEIRS, such as sequence=dna; may be given several times."),
    ] = None,
    min_length: Annotated[int, typer.Option(help="Shortest gene kept, in bases.")] = 1,
    max_length: Annotated[int, typer.Option(help="Longest gene kept, in bases.")] = 1000,
    num_genes: Annotated[int, typer.Option(help="For simulated: genes to make.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the random split and of the simulator.")] = 0,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; by default that of the output folder.")
    ] = None,
) -> None:
    """Build a dataset: read, clean, drop duplicates, split, and write Parquet, a manifest and a card.

    genelm data build --source csv --train T.csv --validation V.csv --test S.csv --output data/human_genes

    genelm data build --source fasta --input genes.fa.gz --output data/my_genes
    """
    from genelm.dataset_scripts import HumanGenesConfig, build_dataset, is_dataset_file
    from genelm.model_cards import render_dataset_card

    columns = dict(_pair(text) for text in column or [])
    config = HumanGenesConfig(
        name=name or output.resolve().name,
        source=source,
        train=list(train or []),
        validation=list(validation or []),
        test=list(test or []),
        input=list(input_files or []),
        fractions=fractions,
        columns=columns,
        min_length=min_length,
        max_length=max_length,
        num_genes=num_genes,
        seed=seed,
    )
    with atomic_folder(output, ours=is_dataset_file) as folder:
        manifest = build_dataset(config, folder, started_command())
        (folder / "README.md").write_text(render_dataset_card(manifest), encoding="utf-8")
    for split, facts in manifest["splits"].items():
        print(f"{split}: {facts['genes']:,} genes, {facts['bases']:,} bases")
    for split, reasons in manifest["dropped"].items():
        for reason, count in reasons.items():
            print(f"dropped from {split}: {count:,} ({reason})")
    print(f"{output}: dataset {manifest['fingerprint'][:12]}; manifest.json says how it came about.")


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals or not ours or not theirs:
        raise InputError(f"--column {text} is not of the form OURS=THEIRS, such as sequence=dna.")
    return ours, theirs
