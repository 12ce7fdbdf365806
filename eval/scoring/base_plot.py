"""The plot of genes base by base: where along a gene a model is surprised."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from genelm.plotting import COLORS, GRAY, STYLE, save_plot

MOST_GENES = 12
SMOOTHING = 21
"""Bases of the running mean that is drawn over the single ones."""


def plot_bases(names: Sequence[str], nats: Sequence[npt.NDArray[np.float64]], path: Path) -> int:
    """Draw the bits of every base of some genes, one panel a gene.

    Args:
        names: of the genes.
        nats: as `score_bases` gives them.
        path: `.png` or `.svg`.

    Returns:
        How many genes are drawn: the first `MOST_GENES`.
    """
    drawn = list(zip(names, nats, strict=True))[:MOST_GENES]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 0.6 + 1.7 * len(drawn)), layout="constrained")
        panels = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
        for axes, (name, costs) in zip(panels, drawn, strict=True):
            bits = costs / math.log(2)
            places = np.arange(1, len(bits) + 1)
            axes.vlines(places, 0, np.nan_to_num(bits, posinf=np.nan), color=COLORS[5], linewidth=0.8)
            axes.plot(places, _running_mean(bits), color=COLORS[0], linewidth=1.5)
            axes.axhline(2, color=GRAY, linestyle=":", linewidth=1)
            axes.set_title(
                f"{name}, {np.nanmean(bits):.3f} bits/base" if np.isfinite(bits).any() else name, fontsize=9
            )
            axes.set_xlim(0.5, max(len(bits), 1) + 0.5)
            axes.set_ylim(bottom=0)
            axes.set_ylabel("bits")
        panels[-1].set_xlabel(f"base (line: running mean of {SMOOTHING}; dotted: a guess)")
        save_plot(figure, path)
    return len(drawn)


def _running_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average over the bases around each one that have a score; at the ends over fewer."""
    if not len(values):
        return values
    known = np.isfinite(values)
    window = np.ones(SMOOTHING)
    sums = np.convolve(np.where(known, values, 0), window, mode="full")
    counts = np.convolve(known, window, mode="full")
    middle = slice(SMOOTHING // 2, SMOOTHING // 2 + len(values))
    return np.divide(sums[middle], counts[middle], out=np.full(len(values), np.nan), where=counts[middle] > 0)
