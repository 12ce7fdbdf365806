"""Cleaned genes on a disk, and in memory only what deciding about them takes: builds larger than memory."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from genelm.tokenization import reverse_complement

from .gene_schema import Gene, gene_table

ROW_GROUP_GENES, ROW_GROUP_BASES = 1000, 1 << 24
"""A row group of Parquet ends at whichever comes first; it is what one read holds in memory."""


class GeneStore:
    """The genes of a build, in the order they were read.

    Attributes:
        gene_ids: id of each gene.
        parents: id of the gene that each was cut from, its own id where it is whole.
        rows: number of the gene among those of all sources that each is, or was cut from: ids may come twice.
        chromosomes: chromosome of each gene, or None.
        parts: the split, or other part of the build, that each gene was read for.
        sources: label of the source of each gene.
        lengths: number of letters of each gene.
        digests: one digest for a sequence and its reverse complement.
        is_reversed: whether the digest was taken of the reverse complement.
    """

    def __init__(self, path: Path) -> None:
        """Make an empty store that keeps its genes in the file `path`."""
        self.gene_ids: list[str] = []
        self.parents: list[str] = []
        self.rows: list[int] = []
        self.chromosomes: list[str | None] = []
        self.parts: list[str] = []
        self.sources: list[str | None] = []
        self.lengths: list[int] = []
        self.digests: list[bytes] = []
        self.is_reversed: list[bool] = []
        self._path = path
        self._writer = RowGroupWriter(path)

    def __len__(self) -> int:
        return len(self.gene_ids)

    def add(self, gene: Gene, parent: str, row: int, part: str) -> None:
        """Append a gene.

        Args:
            gene: upper case, its `source` filled in.
            parent: id of the gene that it was cut from, its own id where it is whole.
            row: number of that gene among those of all sources.
            part: the split, or other part of the build, that it was read for.
        """
        sequence = gene["sequence"]
        other = reverse_complement(sequence)
        self.gene_ids.append(gene["gene_id"])
        self.parents.append(parent)
        self.rows.append(row)
        self.chromosomes.append(gene["chromosome"])
        self.parts.append(part)
        self.sources.append(gene["source"])
        self.lengths.append(len(sequence))
        self.digests.append(hashlib.blake2b(min(sequence, other).encode(), digest_size=16).digest())
        self.is_reversed.append(other < sequence)
        self._writer.write(gene)

    def close(self) -> None:
        """End the writing; from here on the genes can be read."""
        self._writer.close()

    def sequences(self, chosen: npt.NDArray[np.int64]) -> "StoredSequences":
        """Return the sequences of some genes, which are read anew each time they are gone through.

        Args:
            chosen: positions of the genes in the store, ascending, shape `[n_chosen]`.
        """
        return StoredSequences(self._path, chosen)

    def tables(self, chosen: npt.NDArray[np.int64]) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
        """Read some genes in tables of at most a row group.

        Args:
            chosen: positions of the genes in the store, ascending, shape `[n_chosen]`.

        Yields:
            The rows, with the columns of `FEATURES`, and their positions in the store.
        """
        yield from _read(self._path, chosen)


class StoredSequences(Collection[str]):
    """Sequences read anew from the store each time they are gone through."""

    def __init__(self, path: Path, chosen: npt.NDArray[np.int64]) -> None:
        self._path, self._chosen = path, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[str]:
        for table, _ in _read(self._path, self._chosen, ["sequence"]):
            for sequence in table["sequence"]:
                yield sequence.as_py()

    def __contains__(self, sequence: object) -> bool:
        return any(sequence == other for other in self)


class RowGroupWriter:
    """Writes genes one by one to a Parquet file whose row groups depend on nothing but the genes."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, gene_table([]).schema)
        self._genes: list[Gene] = []
        self._bases = 0

    def write(self, gene: Gene) -> None:
        """Append a gene."""
        self._genes.append(gene)
        self._bases += gene["length"]
        if len(self._genes) == ROW_GROUP_GENES or self._bases >= ROW_GROUP_BASES:
            self._flush()

    def close(self) -> None:
        """Write what is left and end the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._genes:
            self._file.write_table(gene_table(self._genes))
        self._genes, self._bases = [], 0


def _read(
    path: Path, chosen: npt.NDArray[np.int64], columns: list[str] | None = None
) -> Iterator[tuple[pa.Table, npt.NDArray[np.int64]]]:
    with pq.ParquetFile(path) as file:
        first = 0
        for number in range(file.num_row_groups):
            last = first + file.metadata.row_group(number).num_rows
            low, high = np.searchsorted(chosen, [first, last])
            if low < high:
                positions = chosen[low:high]
                yield file.read_row_group(number, columns=columns).take(positions - first), positions
            first = last
