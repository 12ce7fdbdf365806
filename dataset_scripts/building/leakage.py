"""Leakage, what evaluation genes have in common with training genes: counted, written beside the data, and drawn."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from genelm.storage import InputError, write_json

from ..genes import Manifest, read_manifest, split_files
from ..similarity import STRATA, WORD_LENGTH, familiarity_strata
from .leakage_plot import plot_leakage

LEAKAGE_FILES = ("leakage.json", "leakage.png")
EVALUATION_SPLITS = ("validation", "test")

HISTOGRAM_EDGES = np.linspace(0, 1, 21)
"""Borders of the bins of familiarity, the k-mer containment in the training set: a share on a border is in the lower
bin, and 0 has a bin of its own."""


def write_leakage(folder: Path) -> dict[str, Any]:
    """Count the leakage of a dataset from its stored familiarity, and write `leakage.json` and `leakage.png`.

    Args:
        folder: a folder written by `build_dataset`.

    Returns:
        What was written to `leakage.json`: for each evaluation split its genes and bases by stratum of familiarity,
        the genes of each gene type by stratum with a histogram of familiarity, and the number of genes similar to a
        training gene.

    Raises:
        InputError: the folder is no dataset folder, or its files are not what the manifest says.
    """
    manifest = read_manifest(folder)
    leakage = {
        "dataset": {"name": manifest.name, "fingerprint": manifest.fingerprint},
        "word_length": WORD_LENGTH,
        "strata": list(STRATA),
        "histogram_edges": HISTOGRAM_EDGES.tolist(),
        "search": {name: manifest.config[name] for name in ("cluster_with", "identity", "coverage", "split")},
        "splits": {split: _leakage_of(folder, split, manifest) for split in EVALUATION_SPLITS},
    }
    write_json(folder / "leakage.json", leakage)
    plot_leakage(leakage, folder / "leakage.png")
    return leakage


def read_leakage(folder: Path) -> dict[str, Any]:
    """Return what `write_leakage` wrote beside a dataset.

    Args:
        folder: a folder written by `build_dataset`.

    Raises:
        InputError: there is no `leakage.json` in the folder, or it is not JSON.
    """
    path = folder / "leakage.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); write it with `genelm data report {folder}`.") from error


def _leakage_of(folder: Path, split: str, manifest: Manifest) -> dict[str, Any]:
    types: list[str] = []
    lengths: list[Any] = []
    shares: list[Any] = []
    for path in split_files(folder, split):
        with pq.ParquetFile(path) as file:
            table = file.read(columns=["gene_type", "length", "familiarity"])
        types += [gene_type or "unknown" for gene_type in table["gene_type"].to_pylist()]
        lengths += table["length"].to_pylist()
        shares += table["familiarity"].to_pylist()
    type_of, length, share = np.array(types), np.array(lengths), np.array(shares)
    stratum = familiarity_strata(share)
    similar = manifest.similar_to_training
    return {
        "genes": len(types),
        "similar_to_training": None if similar is None else similar[split],
        "strata": {
            name: {"genes": int((stratum == name).sum()), "bases": int(length[stratum == name].sum())}
            for name in STRATA
        },
        "gene_types": {
            gene_type: {
                "genes": count,
                "strata": {name: int((stratum[type_of == gene_type] == name).sum()) for name in STRATA},
                "histogram": _histogram(share[type_of == gene_type]),
            }
            for gene_type, count in sorted(Counter(types).items(), key=lambda item: (-item[1], item[0]))
        },
    }


def _histogram(shares: np.ndarray) -> list[int]:
    """Return the number of shares of exactly 0, then by bins that are open below and closed above."""
    return np.bincount(np.searchsorted(HISTOGRAM_EDGES, shares, side="left"), minlength=len(HISTOGRAM_EDGES)).tolist()
