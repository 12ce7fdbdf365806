"""Pairs of a real gene and a mutated copy, from files as the paper released them."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genelm.storage import InputError
from genelm.tokenization import IUPAC_LETTERS

_FILE_NAME = re.compile(r"synthetic_(?P<seed>\d+)_(?P<max_edits>\d+)_\d+\.csv")
_COLUMNS = ("RealNucleotideSequence", "MutatedNucleotideSequence")


@dataclass(frozen=True)
class PairSet:
    """Real genes and their mutated copies.

    Attributes:
        name: the file without its ending.
        max_edits: K: every copy has between 1 and K edits.
        real: the genes, letters.
        mutated: their copies, in the same order.
    """

    name: str
    max_edits: int
    real: tuple[str, ...]
    mutated: tuple[str, ...]


def read_pairs(paths: Sequence[Path]) -> list[PairSet]:
    """Return the pairs in files as the paper released them.

    A file is named `synthetic_SEED_K_N.csv` (K: at most so many edits) and has the columns `RealNucleotideSequence`
    and `MutatedNucleotideSequence`, each sequence between `<` and `>`.

    Args:
        paths: files, or folders whose CSV files are all read.

    Returns:
        One set a file, by K, then by name.

    Raises:
        InputError: a path is missing, a folder has no CSV file, two files have one name, or a file is not as above.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path} has no CSV file; give the folder of the synthetic_SEED_K_N.csv files.")
        files += found
    names = [file.name for file in files]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"The pair file {repeated[0]} is given twice; give every file once.")
    return sorted(map(_read_file, files), key=lambda pairs: (pairs.max_edits, pairs.name))


def _read_file(file: Path) -> PairSet:
    if not (name := _FILE_NAME.fullmatch(file.name)):
        raise InputError(f"{file} is not named synthetic_SEED_K_N.csv, which gives K, the most edits; rename it so.")
    try:
        with open(file, encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            columns = reader.fieldnames or []
            if missing := [column for column in _COLUMNS if column not in columns]:
                raise InputError(
                    f"{file} has no column {missing[0]} (found: {', '.join(columns) or 'none'}); "
                    f"give a file with {' and '.join(_COLUMNS)}."
                )
            rows = [tuple(_bare(row[column], file, reader.line_num) for column in _COLUMNS) for row in reader]
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); give a file of pairs.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} is not a readable CSV file ({error}); get it again.") from None
    if not rows:
        raise InputError(f"{file} has no pair; give a file with at least one row.")
    real, mutated = zip(*rows, strict=True)
    return PairSet(file.stem, int(name["max_edits"]), real, mutated)


def _bare(cell: str | None, file: Path, line: int) -> str:
    """Take `<` and `>` off and check that letters of the nucleotide alphabet are left."""
    sequence = (cell or "").removeprefix("<").removesuffix(">").upper()
    if not sequence:
        raise InputError(f"{file}, line {line}, has an empty sequence; a pair needs two sequences of letters.")
    if strange := set(sequence) - set(IUPAC_LETTERS):
        raise InputError(f"{file}, line {line}, has {min(strange)!r} in a sequence; only IUPAC letters are expected.")
    return sequence
