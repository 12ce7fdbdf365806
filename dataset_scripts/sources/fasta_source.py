"""Genes from FASTA files, plain or compressed."""

from collections.abc import Iterator
from pathlib import Path

import dnaio

from genelm.storage import InputError, open_bytes

from ..genes import SourceGene, new_gene


def read_fasta(path: Path) -> Iterator[SourceGene]:
    """Read genes from a FASTA file: the gene id is the first word of the header, the description is the rest.

    Args:
        path: an ASCII file, plain or compressed, which its content tells and not its name.

    Yields:
        Each gene as it stands in the file: letters are not checked here.

    Raises:
        InputError: the file is not FASTA, holds no record, or is cut off or damaged.
    """
    number = 0
    try:
        # Not dnaio's own opener, whose errors depend on which backend is installed.
        with open_bytes(path) as file:
            for number, record in enumerate(dnaio.FastaReader(file), start=1):
                place = f"{path}, record {number}"
                if not record.id:
                    raise InputError(f"{place} has no gene id; write one after the '>'.")
                yield SourceGene(new_gene(record.id, record.sequence, description=record.comment), place)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text; give a FASTA file, plain or gzip, or take the source ncbi-package."
        ) from error
    except dnaio.FileFormatError as error:
        raise InputError(f"{path} is not FASTA: {error}") from error
    if not number:
        raise InputError(f"{path} holds no FASTA record; give a file with genes.")
