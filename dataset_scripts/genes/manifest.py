"""The manifest of a dataset folder: how it came about, and what is in it."""

from dataclasses import dataclass
from typing import Any

FORMAT, FORMAT_VERSION = "genelm-dataset", 2


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A Parquet file of a split.

    Attributes:
        file: path within the folder.
        sha256: of its content.
    """

    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class LengthSpread:
    """Lengths of the genes of a split, in letters.

    Attributes:
        min: of the shortest.
        median: half the genes are no longer.
        max: of the longest.
    """

    min: int
    median: float
    max: int


@dataclass(frozen=True, kw_only=True)
class SplitFacts:
    """What is in a split.

    Attributes:
        files: in their order.
        genes: number of genes.
        bases: their letters.
        gene_types: type -> number of genes, the most frequent first.
        sources: label of a source -> number of genes, the most frequent first.
        letters: A, C, G, T and `other` -> how often each comes.
        clusters: of similar genes; None where they were not sought.
        length: of the genes.
    """

    files: list[DataFile]
    genes: int
    bases: int
    gene_types: dict[str, int]
    sources: dict[str, int]
    letters: dict[str, int]
    clusters: int | None
    length: LengthSpread


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """How a dataset came about, and what is in it.

    Attributes:
        name: of the dataset.
        source: kind of source, such as `ncbi`.
        command: the command line that built it.
        seed: of the split and the simulator; None where nothing was drawn.
        config: the options of the build.
        origin: license, citation, assembly and the like, as far as they are known.
        packages: name of a package -> its version.
        inputs: of each file that was read: name, checksum, size and rows.
        dropped: part of the build -> reason -> number of genes.
        splits: name -> what is in it.
        similar_to_training: evaluation split -> genes with a similar one in training; None where they were not sought.
        fingerprint: SHA-256 over the Parquet files of train, validation and test, in this order.
    """

    name: str
    source: str
    command: str
    seed: int | None
    config: dict[str, Any]
    origin: dict[str, Any]
    packages: dict[str, str]
    inputs: list[dict[str, Any]]
    dropped: dict[str, dict[str, int]]
    splits: dict[str, SplitFacts]
    similar_to_training: dict[str, int] | None
    fingerprint: str

    @property
    def similarity(self) -> dict[str, float]:
        """`identity` and `coverage` from which genes were sought as similar; empty where they were not sought."""
        if self.config.get("cluster_with") == "none":
            return {}
        return {name: self.config[name] for name in ("identity", "coverage") if name in self.config}
