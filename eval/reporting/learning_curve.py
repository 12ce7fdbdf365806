"""Learning curves: what models learn from how many genes, as a file, a table and a plot."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.ticker import NullFormatter

from genelm.plotting import COLORS
from genelm.storage import atomic_file, read_format, write_format

from ..results import ALL, MeasuredDataset, Results
from .plots import saved_figure
from .tables import NOT_MEASURED, Column, markdown_table

FORMAT, FORMAT_VERSION = "genelm-learning-curve", 1
STRATA = ((ALL, ALL), ("familiarity", "novel"), ("familiarity", "familiar"))
"""Groups and strata of genes that are told apart."""


@dataclass(frozen=True, kw_only=True)
class LearningCurveEntry:
    """A point of a curve.

    Attributes:
        model: its name, that of the line in the plot.
        fraction: share of the training genes.
        genes: how many they were.
        bases: of those genes.
        bits_per_base: stratum -> bits per base, as far as it has genes.
    """

    model: str
    fraction: float
    genes: int
    bases: int
    bits_per_base: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """What models learned from how many genes.

    Attributes:
        dataset: that they were measured on.
        entries: one for each training.
    """

    dataset: MeasuredDataset
    entries: list[LearningCurveEntry]


def learning_curve_entry(model: str, fraction: float, genes: int, bases: int, results: Results) -> LearningCurveEntry:
    """Return a point of a curve.

    Args:
        model: its name, that of the line in the plot.
        fraction: share of the training genes.
        genes: how many they were.
        bases: of those genes.
        results: of the task perplexity.
    """
    rows = {
        stratum: results.find(task="perplexity", metric="bits_per_base", group=group, stratum=stratum)
        for group, stratum in STRATA
    }
    bits = {stratum: row.value for stratum, row in rows.items() if row is not None}
    return LearningCurveEntry(model=model, fraction=fraction, genes=genes, bases=bases, bits_per_base=bits)


def read_learning_curve(path: Path) -> LearningCurve:
    """Return the learning curve in a file.

    Raises:
        InputError: there is no such file, it is not JSON, or no learning curve of this format and version.
    """
    return read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        LearningCurve,
        expected="give the learning_curve.json that `genelm learning-curve` wrote",
        remedy="run `genelm learning-curve` again",
    )


def write_learning_curve(curve: LearningCurve, folder: Path) -> None:
    """Write a curve as `learning_curve.json`, as a table, `.md`, and as plots, `.png` and `.svg`."""
    write_format(folder / "learning_curve.json", FORMAT, FORMAT_VERSION, curve)
    with atomic_file(folder / "learning_curve.md") as temporary:
        temporary.write_text(learning_curve_table(curve), encoding="utf-8")
    plot_learning_curve(curve, [folder / "learning_curve.png", folder / "learning_curve.svg"])


def learning_curve_table(curve: LearningCurve) -> str:
    """Return a curve as Markdown, a row a model and share."""

    def bits(stratum: str) -> tuple[str, Callable[[LearningCurveEntry], str]]:
        def cell(entry: LearningCurveEntry) -> str:
            value = entry.bits_per_base.get(stratum)
            return NOT_MEASURED if value is None else f"{value:.3f}"

        return f"bits/base, {stratum}", cell

    columns: list[Column[LearningCurveEntry]] = [
        ("model", lambda entry: entry.model),
        ("share of genes", lambda entry: f"{entry.fraction * 100:g} %"),
        ("genes", lambda entry: f"{entry.genes:,}"),
        ("bases", lambda entry: f"{entry.bases:,}"),
        *(bits(stratum) for _, stratum in STRATA),
    ]
    return markdown_table(curve.entries, columns)


def plot_learning_curve(curve: LearningCurve, paths: Sequence[Path]) -> None:
    """Plot bits per base over the training bases, a panel a stratum and a line a model.

    Args:
        curve: of one or more models.
        paths: files to write, `.png` or `.svg`.
    """
    models = list(dict.fromkeys(entry.model for entry in curve.entries))
    with saved_figure(paths, figsize=(9.5, 3.4)) as figure:
        for axes, (_, stratum) in zip(figure.subplots(1, len(STRATA), sharex=True), STRATA, strict=True):
            for model, color in zip(models, itertools.cycle(COLORS), strict=False):
                points = sorted(
                    (entry.bases, entry.bits_per_base[stratum])
                    for entry in curve.entries
                    if entry.model == model and stratum in entry.bits_per_base
                )
                axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=color, label=model)
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_title(f"{stratum} genes")
            axes.set_xlabel("training bases")
        figure.axes[0].set_ylabel("bits/base")
        figure.axes[0].legend(frameon=False)
