"""How the plots of a report are drawn: points with their intervals, and lines for what guessing gives."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genelm.plotting import COLORS, GRAY, STYLE, save_plot

from ..results import Measurement

_GRID = "#E5E5E5"
_MARKERS = ("o", "s", "^", "D")
"""They change when the colors start again."""


@contextmanager
def saved_figure(paths: Sequence[Path], **options: Any) -> Iterator[Figure]:
    """Yield a figure in the style of all plots, and save it when it has been drawn.

    Args:
        paths: files to write, `.png` or `.svg`.
        **options: of `matplotlib.figure.Figure`, such as `figsize`, in inches.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(layout="constrained", **options)
        yield figure
        for path in paths:
            save_plot(figure, path)


def color_of(number: int) -> str:
    """Return the color of the model of this number, from 0."""
    return COLORS[number % len(COLORS)]


def plot_model(
    axes: Axes, rows: Sequence[Measurement | None], number: int, n_models: int, name: str, linestyle: str
) -> None:
    """Plot what was measured of one model, a point with its interval at each position, beside the other models'.

    Args:
        axes: where to.
        rows: the measurement at each position, from 0; None and infinite ones are left out.
        number: of the model, from 0.
        n_models: how many are plotted side by side.
        name: of the model, for the legend.
        linestyle: of the line between the points.
    """
    shift = (number - (n_models - 1) / 2) * min(0.08, 0.5 / n_models)
    drawn = [(i + shift, row) for i, row in enumerate(rows) if row is not None and math.isfinite(row.value)]
    below_above = [
        [abs(row.value - bound) for bound in row.confidence_interval or (row.value, row.value)] for _, row in drawn
    ]
    axes.errorbar(
        [x for x, _ in drawn],
        [row.value for _, row in drawn],
        yerr=list(zip(*below_above, strict=True)) or None,
        label=name,
        color=color_of(number),
        marker=_MARKERS[number // len(COLORS) % len(_MARKERS)],
        linestyle=linestyle,
        linewidth=1,
        elinewidth=1.5,
        markersize=6,
    )


def mark_guessing(axes: Axes, value: float, name: str) -> None:
    """Draw a dotted line at what a model without any knowledge has, and name it."""
    axes.axhline(value, color=GRAY, linestyle=":", linewidth=1)
    axes.annotate(name, (1, value), xycoords=("axes fraction", "data"), xytext=(0, 3),
                  textcoords="offset points", ha="right", color=GRAY, fontsize=8)  # fmt: skip


def label_positions(axes: Axes, labels: Sequence[str], title: str) -> None:
    """Return the name of the positions of `plot_model` along the horizontal axis."""
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, max(len(labels), 1) - 0.5)
    axes.set_xlabel(title)
    grid(axes, "y")
    axes.tick_params(length=0)


def grid(axes: Axes, which: str) -> None:
    """Draw the faint lines of one axis, `x` or `y`."""
    axes.grid(axis=which, color=_GRID, linewidth=0.8)  # type: ignore[arg-type]
