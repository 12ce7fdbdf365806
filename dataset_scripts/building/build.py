"""From a config to a folder: Parquet shards, `manifest.json`, which says how they came to be, and the leakage."""

import csv
import itertools
import statistics
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from genelm.storage import package_versions, sha256_of, write_format
from genelm.tokenization import BASES

from ..config import GeneDatasetConfig
from ..genes import FORMAT, FORMAT_VERSION, SPLITS, Gene, Manifest, RowGroupWriter, read_manifest
from ..genes.manifest import DataFile, LengthSpread, SplitFacts
from .leakage import LEAKAGE_FILES, write_leakage
from .preparation import DroppedGene, PreparedGenes, prepare_genes

DROPPED_FILE = "dropped.tsv"

SHARD_BASES = 1 << 28
"""Letters of a Parquet file; larger splits are several."""


def is_dataset_file(path: str) -> bool:
    """Return whether a dataset folder has a file of this path, such as `data/train-00000-of-00001.parquet`."""
    return path in ("manifest.json", "README.md", DROPPED_FILE, *LEAKAGE_FILES) or fnmatch(path, "data/*.parquet")


def dataset_facts(manifest: Manifest) -> dict[str, Any]:
    """Return what the record of a model says of the dataset it was trained on."""
    train = manifest.splits["train"]
    of_dataset = {"name": manifest.name, "source": manifest.source, "fingerprint": manifest.fingerprint}
    return of_dataset | {"genes": train.genes, "bases": train.bases}


def similarity_thresholds(manifest: Manifest) -> dict[str, float]:
    """Return the `identity` and `coverage` from which genes are similar in a dataset; the usual where none was sought.

    Args:
        manifest: of the dataset.

    Returns:
        Shares from 0 to 1.
    """
    usual = {"identity": GeneDatasetConfig.identity, "coverage": GeneDatasetConfig.coverage}
    return usual | manifest.similarity


def build_dataset(config: GeneDatasetConfig, folder: Path, command: str) -> Manifest:
    """Fill a folder with a dataset that `datasets.load_dataset` and `load_split` read.

    The same files and options give the same bytes: neither Parquet nor manifest holds a time. But for
    the search for similar genes, memory does not grow with the sequences, which wait in a file of the folder until
    their split is known.

    Args:
        config: what to build.
        folder: an existing empty folder; `genelm.storage.atomic_folder` gives one.
        command: the command line, kept in the manifest.

    Returns:
        The manifest. `dropped` counts genes by split (`input` where the split was drawn) and reason; `dropped.tsv`
        names them. `fingerprint` is the SHA-256 over the Parquet files of train, validation and test, in this order.

    Raises:
        InputError: the input cannot be used.
    """
    store_file = folder / "genes.parquet"
    prepared = prepare_genes(config, store_file)
    (folder / "data").mkdir()
    splits = {split: _write_split(prepared, split, folder) for split in SPLITS}
    store_file.unlink()
    manifest = Manifest(
        name=config.name,
        source=config.source,
        command=command,
        seed=config.seed,
        config=config.options(),
        origin=_origin(config, prepared),
        packages=package_versions(),
        inputs=prepared.inputs,
        dropped=prepared.reasons(),
        splits=splits,
        similar_to_training=prepared.similar_to_training,
        fingerprint=sha256_of(folder / file.file for split in splits.values() for file in split.files),
    )
    with (folder / DROPPED_FILE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, dialect="excel-tab", lineterminator="\n")
        rows.writerow(DroppedGene._fields)
        rows.writerows(prepared.dropped)
    write_format(folder / "manifest.json", FORMAT, FORMAT_VERSION, manifest)
    write_leakage(folder)
    return read_manifest(folder)  # as everybody else reads it


def _origin(config: GeneDatasetConfig, prepared: PreparedGenes) -> dict[str, Any]:
    said = {name: value for name in ("license", "citation") if (value := getattr(config, name)) is not None}
    return prepared.origin | said


def _write_split(prepared: PreparedGenes, split: str, folder: Path) -> SplitFacts:
    """Write the Parquet files of a split and return what the manifest says of it."""
    lengths = np.array(prepared.store.lengths, dtype=np.int64)[prepared.splits[split]]
    shards = (np.cumsum(lengths) - lengths) // SHARD_BASES  # by the letters before each gene
    n_shards = int(shards[-1]) + 1
    genes = prepared.genes(split)
    statistics_of_split = _Statistics()
    files = []
    for number, n_genes in enumerate(np.bincount(shards, minlength=n_shards).tolist()):
        file = f"data/{split}-{number:05d}-of-{n_shards:05d}.parquet"
        writer = RowGroupWriter(folder / file)
        for gene in itertools.islice(genes, n_genes):
            writer.write(gene)
            statistics_of_split.add(gene)
        writer.close()
        files.append(DataFile(file=file, sha256=sha256_of(folder / file)))
    return statistics_of_split.facts(files, were_clustered=prepared.similar_to_training is not None)


class _Statistics:
    """Number of genes and bases, genes of each type and source, letters, clusters and the spread of lengths."""

    def __init__(self) -> None:
        self._types: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._letters: Counter[str] = Counter()
        self._clusters: set[str | None] = set()
        self._lengths: list[int] = []

    def add(self, gene: Gene) -> None:
        self._types[gene["gene_type"] or "unknown"] += 1
        self._sources[gene["source"] or "unknown"] += 1
        self._letters.update({base: gene["sequence"].count(base) for base in BASES})
        self._lengths.append(gene["length"])
        self._clusters.add(gene["cluster_id"])

    def facts(self, files: list[DataFile], *, were_clustered: bool) -> SplitFacts:
        bases = sum(self._lengths)
        letters = {base: self._letters[base] for base in BASES}
        median = float(statistics.median(self._lengths))
        return SplitFacts(
            files=files,
            genes=len(self._lengths),
            bases=bases,
            gene_types=dict(_by_frequency(self._types)),
            sources=dict(_by_frequency(self._sources)),
            letters=letters | {"other": bases - sum(letters.values())},
            clusters=len(self._clusters) if were_clustered else None,
            length=LengthSpread(min=min(self._lengths), median=median, max=max(self._lengths)),
        )


def _by_frequency(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from sorted(counts.items(), key=lambda item: (-item[1], item[0]))
