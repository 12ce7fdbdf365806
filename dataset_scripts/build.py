"""From a config to a folder: three Parquet files and `manifest.json`, which says how they came to be."""

import json
import statistics
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from genelm.storage import package_versions, sha256_of

from .config import HumanGenesConfig
from .genes import SPLITS, Gene, gene_table
from .preparation import prepare_genes

FORMAT = "genelm-dataset"
FORMAT_VERSION = 1


def is_dataset_file(path: str) -> bool:
    """Say whether a dataset folder has a file of this path, such as `data/train-00000-of-00001.parquet`."""
    return path in ("manifest.json", "README.md") or fnmatch(path, "data/*.parquet")


def dataset_facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what the record of a model says of the dataset it was trained on."""
    train = manifest["splits"]["train"]
    names = ("name", "source", "fingerprint")
    return {name: manifest[name] for name in names} | {"genes": train["genes"], "bases": train["bases"]}


def build_dataset(config: HumanGenesConfig, folder: Path, command: str) -> dict[str, Any]:
    """Fill a folder with a dataset that `datasets.load_dataset` and `load_split` read.

    The same files and options give the same bytes: neither Parquet nor manifest holds a time.

    Args:
        config: what to build.
        folder: an existing empty folder; `genelm.storage.atomic_folder` gives one.
        command: the command line, kept in the manifest.

    Returns:
        The manifest. `dropped` counts genes by split (`input` where the split was drawn) and reason, and `fingerprint`
        is the SHA-256 over the Parquet files of train, validation and test, in this order.

    Raises:
        InputError: the input cannot be used.
    """
    prepared = prepare_genes(config)
    (folder / "data").mkdir()
    files = {split: f"data/{split}-00000-of-00001.parquet" for split in SPLITS}
    for split, file in files.items():
        pq.write_table(gene_table(prepared.splits[split]), folder / file)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": config.name,
        "source": config.source,
        "command": command,
        "seed": config.seed,
        "config": config.options(),
        "packages": package_versions(),
        "inputs": prepared.inputs,
        "dropped": prepared.dropped,
        "splits": {
            split: {"file": file, "sha256": sha256_of(folder / file), **_statistics(prepared.splits[split])}
            for split, file in files.items()
        },
        "fingerprint": sha256_of(folder / file for file in files.values()),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def _statistics(genes: list[Gene]) -> dict[str, Any]:
    """Return the number of genes and bases, the genes of each type (most frequent first) and the spread of lengths."""
    lengths = [gene["length"] for gene in genes]
    types = Counter(gene["gene_type"] or "unknown" for gene in genes)
    return {
        "genes": len(genes),
        "bases": sum(lengths),
        "gene_types": dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))),
        "length": {"min": min(lengths), "median": float(statistics.median(lengths)), "max": max(lengths)},
    }
