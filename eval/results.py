"""Results: every measured value with what it takes to trust and repeat it, as JSON.

Tables, plots and cards are rendered from these files. They carry no time stamps, so the same run gives the same
bytes. JSON has no infinity, and a maximum-likelihood n-gram has an infinite perplexity: it is written as "Infinity".
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from genelm.storage import InputError, atomic_file, check_output_file, convert, package_versions, read_object

from .gene_table import gene_table_path, read_gene_table, write_gene_table
from .statistics import bits_per_base

if TYPE_CHECKING:
    import pandas as pd

FORMAT, FORMAT_VERSION = "genelm-results", 1
ALL = "all"
"""Group and stratum of a value over all genes."""

_INFINITY = "Infinity"

_FEW = 3
"""Values that stand for all where results are printed."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One value, and of what.

    Attributes:
        task: such as `perplexity`.
        task_version: raised when the same name comes to mean another value.
        convention: `genelm` or `paper`.
        metric: what is measured, such as `bits_per_base`.
        units: of the value; empty for a pure number.
        group: what the genes are divided by, such as `gene_type`; `all` for no division.
        stratum: the part of the group that the value is about.
        value: finite or +inf, never NaN.
        confidence_interval: 95 % bootstrap interval in the unit of the value, or None where there is none.
        n_genes: genes, or pairs of genes, that the value is over.
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


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """The model that results are of.

    Attributes:
        name: by which tables call it.
        model_type: as transformers names the architecture, or `compressor`.
        parameters: numbers that were learned or counted.
        fingerprint: SHA-256 of its weights.
        trained_on: fingerprint of the dataset that it was trained on, where that is known.
    """

    name: str
    model_type: str
    parameters: int
    fingerprint: str
    trained_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasuredDataset:
    """The genes, or variants, that results are on.

    Attributes:
        name: of the dataset.
        fingerprint: of the dataset.
        split: `train`, `validation` or `test`; of variants, window and strands.
    """

    name: str
    fingerprint: str
    split: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Results:
    """Everything that was measured of a model on one split, and what it takes to trust and repeat it.

    Attributes:
        model: that was measured.
        dataset: on what.
        measurements: of any number of tasks, in the order they were made.
        seed: of the bootstrap and of generated pairs.
        packages: name of a package -> its version.
        command: the command line that made the results.
        notes: what a reader has to know, one sentence each.
        gene_table: what each gene costs, by which reports compare models gene by gene (see `gene_table`); None
            without the task perplexity. It is a file of its own.
    """

    model: MeasuredModel
    dataset: MeasuredDataset
    measurements: list[Measurement]
    seed: int
    packages: dict[str, str] = field(default_factory=package_versions)
    command: str
    notes: list[str]
    gene_table: pa.Table | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        values = [f"{row.task} {row.metric} {row.value:.3f}" for row in self.measurements if row.group == ALL]
        some = ", ".join(values[:_FEW]) or f"{len(self.measurements)} measurements"
        return f"<genelm.Results of {self.model.name} on {self.dataset.name}, {self.dataset.split}: {some}>"

    def of(self, task: str) -> list[Measurement]:
        """Return the measurements of a task, in their order; empty where it was not measured."""
        return [row for row in self.measurements if row.task == task]

    def find(
        self, *, task: str, metric: str, convention: str = "genelm", group: str = ALL, stratum: str = ALL
    ) -> Measurement | None:
        """Return the one measurement with these labels, or None where it was not made."""
        wanted = (task, metric, convention, group, stratum)
        for row in self.measurements:
            if (row.task, row.metric, row.convention, row.group, row.stratum) == wanted:
                return row
        return None

    def to_frame(self) -> "pd.DataFrame":
        """Return a row for each measurement: task, metric, group, stratum, value, interval, genes, bases."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.measurements])

    def save(self, path: str | Path) -> None:
        """Write a results file and, beside it, what each gene costs; older files are replaced.

        Args:
            path: a name that ends in .json.

        Raises:
            InputError: the name is another, or nothing can be written there.
        """
        file = Path(path)
        check_results_path(file)
        if self.gene_table is not None:
            write_gene_table(self.gene_table, gene_table_path(file))
        write_results(self, file)

    @classmethod
    def load(cls, path: str | Path) -> "Results":
        """Read a results file, and what each gene costs where that lies beside it.

        A table of genes that is of another evaluation is left aside: its genes cost otherwise.

        Raises:
            InputError: the file holds no results, or what lies beside it is something else.
        """
        file = Path(path)
        results = read_results(file)
        row = results.find(task="perplexity", metric="bits_per_base")
        if row is None or not gene_table_path(file).is_file():
            return results
        table = read_gene_table(gene_table_path(file))
        bits = bits_per_base(table["base_nats"].to_numpy(), table["n_bases"].to_numpy())
        is_theirs = math.isclose(bits, row.value, rel_tol=1e-9)
        return dataclasses.replace(results, gene_table=table) if is_theirs else results


def check_results_path(path: Path) -> None:
    """Refuse a path at which no results file can be written; for a look before long work.

    Raises:
        InputError: the name does not end in .json, or nothing can be written there.
    """
    if path.suffix != ".json":
        raise InputError(f"{path} does not end in .json; name a results file so.")
    check_output_file(path)


def write_results(results: Results, path: Path) -> None:
    """Write results as JSON; an older file is replaced only when the new one is complete."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, **msgspec.to_builtins(_without_genes(results))}
    for row in content["measurements"]:
        if math.isinf(row["value"]):
            row["value"] = _INFINITY
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _without_genes(results: Results) -> dict[str, Any]:
    """Return what stands in a results file, absent keys left out."""
    content = {item.name: getattr(results, item.name) for item in dataclasses.fields(Results)}
    del content["gene_table"]
    content["model"] = {name: value for name, value in vars(results.model).items() if value is not None}
    return content


def results_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files among some paths and, for each folder among them, its JSON files by name."""
    return [file for path in paths for file in (_json_files(path) if path.is_dir() else [path])]


def _json_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.is_file())


def read_results(path: Path) -> Results:
    """Read a results file, without the table of genes beside it.

    Returns:
        What was written; infinite values are floats again.

    Raises:
        InputError: there is no such file, it is not JSON, or not results of this format and version.
    """
    expected, remedy = "give a results file of `genelm evaluate`", "evaluate the model again"
    content = read_object(path, FORMAT, FORMAT_VERSION, expected=expected, remedy=remedy)
    return convert(_with_floats(content), Results, path, remedy)


def _with_floats(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a file holds with its infinite values as floats."""
    rows = content.get("measurements")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("value") == _INFINITY:
            row["value"] = math.inf
    return content
