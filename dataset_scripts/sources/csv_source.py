"""Genes from CSV files: the paper's, and any other whose columns are known or named."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from genelm.storage import InputError, open_text

from ..genes import SOURCE_COLUMNS, Gene, SourceGene, new_gene

PAPER_COLUMNS = {
    "gene_id": "NCBIGeneID",
    "symbol": "Symbol",
    "description": "Description",
    "gene_type": "GeneType",
    "gene_group": "GeneGroupIdentifier",
    "sequence": "NucleotideSequence",
}
"""Our column -> its name in the files of arXiv 2307.10634."""

_LARGEST_CELL = 2**31 - 1
"""Characters of a cell; csv's own limit of 131,072 is shorter than many genes."""


def read_csv(
    path: Path, columns: Mapping[str, str], *, label: str | None = None, is_extra: bool = False
) -> Iterator[SourceGene]:
    """Read genes from a comma-separated file with a header line.

    A column is found by the name given in `columns`, by our own name, or by the paper's; other columns are not read,
    and `length` is counted. A file without a column of gene ids gets `<label>:<line>`. The paper's `<` and `>`
    around a sequence are taken off.

    Args:
        path: a UTF-8 file, plain or compressed, which its content tells and not its name.
        columns: our column -> the file's column.
        label: what tells the file from others of the same build; None is the name of the file.
        is_extra: whether `columns` are of another file, so that those which this one lacks are found by our own names.

    Yields:
        Each gene as it stands in the file: letters are not checked here.

    Raises:
        InputError: the file is not UTF-8 CSV, is cut off, lacks a column, has no rows, or a row cannot be read.
    """
    csv.field_size_limit(_LARGEST_CELL)
    try:
        with open_text(path) as file:
            # strict: a quote that is never closed is an error, not a last cell that swallows the rest of the file.
            reader = csv.reader(file, strict=True)
            rows = ((reader.line_num, row) for row in reader)
            yield from _read_rows(path, rows, columns, label or path.name, is_extra)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8 and try again.") from error
    except csv.Error as error:
        raise InputError(f"{path} is not well-formed CSV ({error}); correct or export it again.") from error


def has_csv_name(path: Path) -> bool:
    """Return whether a name says that a file is CSV, be it compressed or not: `genes.csv`, `genes.csv.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bgz")]
    return suffixes[-1:] == [".csv"]


def _read_rows(
    path: Path, lines: Iterator[tuple[int, list[str]]], columns: Mapping[str, str], label: str, is_extra: bool
) -> Iterator[SourceGene]:
    _, first = next(lines, (0, []))
    header = [name.strip() for name in first]
    if is_extra:
        columns = {ours: theirs for ours, theirs in columns.items() if theirs in header}
    positions = _find_columns(path, header, columns)
    rows = 0
    for number, row in lines:
        if not row:  # a blank line
            continue
        place = f"{path}, line {number}"
        if len(row) != len(header):
            raise InputError(f"{place} has {len(row)} cells where the header has {len(header)}; correct this row.")
        rows += 1
        cells = {name: row[position].strip() for name, position in positions.items()}
        yield SourceGene(_gene_of(cells, place, f"{label}:{number}"), place)
    if not rows:
        raise InputError(f"{path} has a header but no rows; give a file with genes.")


def _find_columns(path: Path, header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Return our column -> its position in the file."""
    if header and header[0].startswith(">"):
        raise InputError(f"{path} looks like FASTA, not CSV; read it with --source fasta.")
    found = f"its columns are {', '.join(header) or 'none'}"
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        found = f"its first line has no commas ({header[0]!r}); save it separated by commas"
    positions = {}
    for name in SOURCE_COLUMNS:
        if name in columns and columns[name] not in header:
            raise InputError(f"{path} has no column {columns[name]!r} to be read as {name}; {found}.")
        names = [columns[name]] if name in columns else [name, PAPER_COLUMNS.get(name, name)]
        column = next((candidate for candidate in names if candidate in header), None)
        if column is None:
            continue
        if header.count(column) > 1:
            raise InputError(f"{path} has more than one column {column!r}; rename all but one.")
        positions[name] = header.index(column)
    if "sequence" not in positions:
        raise InputError(
            f"{path} has no column 'sequence' or 'NucleotideSequence'; {found}; name the one that holds the "
            "sequences as in --column sequence=COLUMN."
        )
    return positions


def _gene_of(cells: dict[str, str], place: str, fallback_id: str) -> Gene:
    gene_id = cells.pop("gene_id", fallback_id)
    if not gene_id:
        raise InputError(f"{place} has no gene id; fill it in.")
    sequence = cells.pop("sequence").removeprefix("<").removesuffix(">")
    known: dict[str, str | int | None] = {name: cell or None for name, cell in cells.items()}
    for name in ("start", "end"):
        if cells.get(name):
            try:
                known[name] = int(cells[name])
            except ValueError as error:
                raise InputError(f"{place}: {name} is {cells[name]!r}, not a whole number; correct it.") from error
    if known.get("strand") not in (None, "+", "-"):
        raise InputError(f"{place}: strand is {known['strand']!r}, not + or -; correct it.")
    # The paper's group identifiers went through a table of floats: 85290.0 is NCBI's group 85290.
    if known.get("gene_group") and re.fullmatch(r"\d+\.0", cells["gene_group"]):
        known["gene_group"] = cells["gene_group"].removesuffix(".0")
    return new_gene(gene_id, sequence, **known)
