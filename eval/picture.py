"""The picture of a report: bits per base by familiarity, and mutation accuracy over the number of edits."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genelm.dataset_scripts import STRATA
from genelm.pictures import COLORS, GRAY, STYLE, save_picture

from .results import ALL, find_measurement
from .tables import edit_limits, edited_numbers

_MARKERS = ("o", "s", "^", "D")
"""They change when the colors start again."""


def draw_picture(results: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Draw the models of a report, left bits per base and right mutation accuracy, each with its interval.

    Args:
        results: one object a model. An infinite figure cannot be drawn; its model is marked in the legend.
        paths: files to write, `.png` or `.svg`.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_bits(left, results)
        _draw_accuracies(right, results)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(results)), frameon=False)
        for path in paths:
            save_picture(figure, path)


def _draw_bits(axes: Axes, results: Sequence[dict[str, Any]]) -> None:
    strata = [(ALL, ALL), *(("familiarity", stratum) for stratum in STRATA)]
    for number, result in enumerate(results):
        rows = [
            find_measurement(result, task="perplexity", metric="bits_per_base", group=group, stratum=stratum)
            for group, stratum in strata
        ]
        infinite = any(row is not None and math.isinf(row["value"]) for row in rows)
        name = result["model"]["name"] + (" (∞ not drawn)" if infinite else "")
        _draw_model(axes, rows, number, len(results), name, linestyle="none")
    axes.axhline(2, color=GRAY, linestyle=":", linewidth=1)
    axes.annotate("uniform", (1, 2), xycoords=("axes fraction", "data"), xytext=(0, 3),
                  textcoords="offset points", ha="right", color=GRAY, fontsize=8)  # fmt: skip
    axes.set_title("Bits per base (less is better)")
    _label_positions(axes, [stratum for _, stratum in strata], "genes, by 24-mers shared with the training genes")


def _draw_accuracies(axes: Axes, results: Sequence[dict[str, Any]]) -> None:
    # Our own task where it was measured, else the paper's.
    limits = edited_numbers(results)
    task, metric, group = "edits", "accuracy", "edits"
    if not limits:
        limits = edit_limits(results)
        task, metric, group = "mutations", "accuracy_perplexity_rule", "max_edits"
    for number, result in enumerate(results):
        rows = [find_measurement(result, task=task, metric=metric, group=group, stratum=str(k)) for k in limits]
        _draw_model(axes, rows, number, len(results), result["model"]["name"], linestyle="-")
    axes.axhline(0.5, color=GRAY, linestyle=":", linewidth=1)
    axes.annotate("guessing", (1, 0.5), xycoords=("axes fraction", "data"), xytext=(0, 3),
                  textcoords="offset points", ha="right", color=GRAY, fontsize=8)  # fmt: skip
    axes.set_title("Real genes told from copies with edits (more is better)")
    most = "" if task == "edits" else "most "
    _label_positions(axes, [str(k) for k in limits], f"{most}edits in the copy, K")


def _draw_model(
    axes: Axes, rows: Sequence[dict[str, Any] | None], number: int, n_models: int, name: str, linestyle: str
) -> None:
    """Draw what one model measured, a point with its interval at each position, beside the other models' points."""
    shift = (number - (n_models - 1) / 2) * min(0.08, 0.5 / n_models)
    drawn = [(i + shift, row) for i, row in enumerate(rows) if row is not None and math.isfinite(row["value"])]
    below_above = [
        [abs(row["value"] - bound) for bound in row["confidence_interval"] or [row["value"]] * 2] for _, row in drawn
    ]
    axes.errorbar(
        [x for x, _ in drawn],
        [row["value"] for _, row in drawn],
        yerr=list(zip(*below_above, strict=True)) or None,
        label=name,
        color=COLORS[number % len(COLORS)],
        marker=_MARKERS[number // len(COLORS) % len(_MARKERS)],
        linestyle=linestyle,
        linewidth=1,
        elinewidth=1.5,
        markersize=6,
    )


def _label_positions(axes: Axes, labels: Sequence[str], title: str) -> None:
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, max(len(labels), 1) - 0.5)
    axes.set_xlabel(title)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.tick_params(length=0)
