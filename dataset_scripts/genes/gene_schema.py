"""What one gene is: the row of every split, and how rows become an Arrow table."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypedDict

import pyarrow as pa
from datasets import Features, Value

SPLITS = ("train", "validation", "test")

FEATURES = Features(
    {
        "gene_id": Value("string"),
        "symbol": Value("string"),
        "description": Value("string"),
        "gene_type": Value("string"),
        "gene_group": Value("string"),
        "assembly": Value("string"),
        "chromosome": Value("string"),
        "start": Value("int64"),
        "end": Value("int64"),
        "strand": Value("string"),
        "sequence": Value("string"),
        "length": Value("int64"),
        "source": Value("string"),
        "cluster_id": Value("string"),
        "familiarity": Value("float64"),
    }
)
"""The columns of a dataset. `start` and `end` are 1-based and inclusive, `sequence` is the sense strand, `length` is
counted in bases; what a source does not know is null. `source` names where the gene was read, `cluster_id` its cluster
of similar genes or of pieces of one gene, and `familiarity` is its k-mer containment in the training set: the share of
its 24-mers that the training genes have, on either strand."""

SOURCE_COLUMNS = tuple(name for name in FEATURES if name not in ("length", "source", "cluster_id", "familiarity"))
"""The columns that a source can give; the others are found out by the build."""


class Gene(TypedDict):
    """One row, with the columns of `FEATURES`."""

    gene_id: str
    symbol: str | None
    description: str | None
    gene_type: str | None
    gene_group: str | None
    assembly: str | None
    chromosome: str | None
    start: int | None
    end: int | None
    strand: str | None
    sequence: str
    length: int
    source: str | None
    cluster_id: str | None
    familiarity: float | None


class SourceGene(NamedTuple):
    """A gene and its place, file and line or record it was read from, such as `genes.csv, line 12`, for messages."""

    gene: Gene
    place: str


def new_gene(gene_id: str, sequence: str, **known: Any) -> Gene:
    """Return a gene with the columns that are `known`; the others are null.

    Args:
        gene_id: how the source names the gene.
        sequence: letters of the sense strand; `length` is their number.
        **known: further columns of `SOURCE_COLUMNS`.
    """
    gene: Any = dict.fromkeys(FEATURES)
    gene.update(known, gene_id=gene_id, sequence=sequence, length=len(sequence))
    return gene


def gene_table(genes: Iterable[Gene]) -> pa.Table:
    """Return `genes` as a table whose schema carries `FEATURES`, so that `datasets` reads back the same features."""
    return pa.Table.from_pylist(list(genes), schema=FEATURES.arrow_schema)
