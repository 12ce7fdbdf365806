"""`genelm data`: build datasets of genes, and report what leaks between their splits."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from genelm.dataset_scripts.options import BuildOptions, Paths

from .app import App
from .arguments import names_of_options, parse_columns

data = App(no_args_is_help=True, help="Build datasets of genes, and see what leaks between their splits.")

COMMAND_LINE_TYPES: dict[Any, Any] = {
    Paths: list[Path],
    list[str]: list[str],
    dict[str, str]: list[str],
    str | Path | None: Path,
    str: str,
    str | None: str,
    int: int,
    int | None: int,
    float: float,
    tuple[float, float, float]: tuple[float, float, float],
}
"""Type of a field of `BuildOptions` -> type of the option on the command line."""


def build(output: Path, inputs: list[Path] | None = None, name: str | None = None, **given: Any) -> None:
    """Build a dataset: read, clean, drop duplicates, split, and write Parquet, a manifest, leakage and a card.

    genelm data build --source ncbi --taxon 9606 --max-length 1000 --output data/human_genes

    genelm data build --source genome --fasta G.fa.gz --annotation G.gff3.gz --split similarity --output data/genes

    genelm data build --source csv --train T.csv --validation V.csv --test S.csv --output data/human_genes

    genelm data build --source fasta genes.fa.gz --output data/my_genes
    """
    from genelm.dataset import build_dataset
    from genelm.dataset_scripts import DROPPED_FILE, read_leakage

    options = {option: value for option, value in given.items() if value is not None}
    options["input"] = [*(inputs or []), *options.get("input", [])]
    options["columns"] = parse_columns(options.get("columns"))
    manifest = build_dataset(output, name=name or output.resolve().name, **options)
    for split_name, facts in manifest.splits.items():
        print(f"{split_name}: {facts.genes:,} genes, {facts.bases:,} bases")
    for part, reasons in manifest.dropped.items():
        for reason, count in reasons.items():
            print(f"dropped from {part}: {count:,} ({reason})")
    if any(manifest.dropped.values()):
        print(f"{output / DROPPED_FILE} names what was dropped.")
    _print_leakage(read_leakage(output))
    print(f"{output}: dataset {manifest.fingerprint[:12]}; manifest.json says how it came about.")


def _signature() -> inspect.Signature:
    """Return the options of `build`: its own, and those of `BuildOptions` with their defaults and help."""
    own = {
        "output": (Path, ..., typer.Option(help="Folder to write; an older dataset there is replaced.")),
        "inputs": (list[Path] | None, None, typer.Argument(help="Files to split, as with --input.")),
        "name": (str | None, None, typer.Option(help="Name of the dataset; by default that of the output folder.")),
    }
    parameters = [_parameter(name, *facts) for name, facts in own.items()]
    for option in fields(BuildOptions):
        facts = option.metadata
        flag = f"--{facts['flag'] or option.name.replace('_', '-')}"
        has_default = option.default is not MISSING and option.default is not None
        kind, default = COMMAND_LINE_TYPES[option.type], option.default if has_default else None
        made = typer.Option(flag, help=facts["help"], rich_help_panel=facts["panel"])
        parameters.append(_parameter(option.name, kind if has_default else kind | None, default, made))
    return inspect.Signature(parameters)


def _parameter(name: str, kind: Any, default: Any, made: Any) -> inspect.Parameter:
    empty = inspect.Parameter.empty
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, made],
        default=empty if default is ... else default,
    )


def _command() -> Callable[..., None]:
    """Return `build` with the options that it has on the command line."""
    command: Any = names_of_options()(build)
    command.__signature__ = _signature()
    command.__annotations__ = {name: one.annotation for name, one in command.__signature__.parameters.items()}
    return command


data.command("build")(_command())


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
