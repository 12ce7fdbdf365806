"""Results files: every measured figure with what it takes to trust and repeat it, as JSON.

Tables, pictures and cards are rendered from these files. They carry no time stamps, so the same run gives the same
bytes. JSON has no infinity, and a maximum-likelihood n-gram has an infinite perplexity: it is written as "Infinity".
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genelm.storage import atomic_file, package_versions, read_format

FORMAT, FORMAT_VERSION = "genelm-results", 1
ALL = "all"
"""Group and stratum of a figure over all genes."""

_KEYS = {"model", "dataset", "measurements", "seed", "packages", "command", "notes"}


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One figure, and of what.

    Attributes:
        task: such as `perplexity`.
        task_version: raised when the same name comes to mean another figure.
        convention: `genelm` or `paper`.
        metric: what is measured, such as `bits_per_base`.
        units: of the value; empty for a pure number.
        group: what the genes are divided by, such as `gene_type`; `all` for no division.
        stratum: the part of the group this figure is about.
        value: finite or +inf, never NaN.
        confidence_interval: 95 % bootstrap interval in the unit of the value, or None where there is none.
        n_genes: genes, or pairs of genes, the figure is over.
        n_bases: A, C, G, T positions of those genes; of pairs, of the real ones.
    """

    task: str
    task_version: int
    convention: str
    metric: str
    units: str
    group: str
    stratum: str
    value: float
    confidence_interval: tuple[float, float] | None
    n_genes: int
    n_bases: int

    def __post_init__(self) -> None:
        if math.isnan(self.value):
            raise ValueError(f"{self.metric} of {self.stratum} ({self.task}) is not a number.")


def make_results(
    measurements: list[Measurement],
    *,
    model: dict[str, Any],
    dataset: dict[str, str],
    seed: int,
    command: str,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Put measurements and their provenance together as one results object.

    Args:
        measurements: of any number of tasks, in the order they are to be kept.
        model: `name`, `model_type`, `parameters` (a number) and `fingerprint`.
        dataset: `name`, `fingerprint` and `split`.
        seed: of the bootstrap and of generated pairs.
        command: the command line that made the results.
        notes: what a reader has to know, one sentence each.

    Returns:
        What `read_results` returns for the written file.
    """
    rows = [asdict(measurement) for measurement in measurements]
    for row in rows:
        row["confidence_interval"] = row["confidence_interval"] and list(row["confidence_interval"])
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": model,
        "dataset": dataset,
        "measurements": rows,
        "seed": seed,
        "packages": package_versions(),
        "command": command,
        "notes": list(notes),
    }


def write_results(results: dict[str, Any], path: Path) -> None:
    """Write a results object as JSON; an older file is replaced only when the new one is complete."""
    rows = [
        row | {"value": "Infinity" if math.isinf(row["value"]) else row["value"]} for row in results["measurements"]
    ]
    text = json.dumps(results | {"measurements": rows}, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def results_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files among some paths and, for each folder among them, its JSON files by name."""
    return [file for path in paths for file in (_json_files(path) if path.is_dir() else [path])]


def _json_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.is_file())


def read_results(path: Path) -> dict[str, Any]:
    """Read a results file.

    Returns:
        The object that was written; infinite values are floats again.

    Raises:
        InputError: there is no such file, it is not JSON, or not results of this format and version.
    """
    results = read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        keys=_KEYS,
        instead="give a results file of `genelm evaluate`",
        anew="evaluate the model again",
    )
    for row in results["measurements"]:
        row["value"] = float(row["value"])
    return results


def find_measurement(
    results: dict[str, Any],
    *,
    task: str,
    metric: str,
    convention: str = "genelm",
    group: str = ALL,
    stratum: str = ALL,
) -> dict[str, Any] | None:
    """Give the one measurement with these labels, or None where it was not made."""
    wanted = {"task": task, "metric": metric, "convention": convention, "group": group, "stratum": stratum}
    for row in results["measurements"]:
        if wanted.items() <= row.items():
            return row
    return None
