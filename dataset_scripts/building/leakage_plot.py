"""The plot of leakage: familiarity, the k-mer containment in the training set, of evaluation genes by gene type."""

from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genelm.plotting import COLORS, GRAY, STYLE, save_plot

PLOTTED_TYPES = 6
"""The most frequent gene types have a color each; the others share gray."""

_STRATUM_COLORS = ("#9ECAE1", "#F5B041", "#C0392B")


def plot_leakage(leakage: dict[str, Any], path: Path) -> None:
    """Draw one row a split: left the histogram of familiarity, right the strata of each gene type.

    Args:
        leakage: the object that `write_leakage` returns.
        path: file to write, `.png` or `.svg`.
    """
    splits = leakage["splits"]
    sizes: Counter[str] = Counter()
    for split in splits.values():
        sizes.update({name: facts["genes"] for name, facts in split["gene_types"].items()})
    colors = {name: color for (name, _), color in zip(sizes.most_common(PLOTTED_TYPES), COLORS, strict=False)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.2 * len(splits)), layout="constrained")
        for (left, right), (name, split) in zip(figure.subplots(len(splits), 2), splits.items(), strict=True):
            _plot_histogram(left, name, split, leakage, colors)
            _plot_strata(right, name, split, leakage["strata"], colors)
        save_plot(figure, path)


def _grouped(split: dict[str, Any], colors: dict[str, str]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return label, color and members of what is drawn as one: frequent types alone, the others together."""
    types = split["gene_types"]
    groups = [(name, colors[name], [facts]) for name, facts in types.items() if name in colors]
    if others := [facts for name, facts in types.items() if name not in colors]:
        groups.append((f"{len(others)} other types", GRAY, others))
    return groups


def _plot_histogram(
    axes: Axes, name: str, split: dict[str, Any], leakage: dict[str, Any], colors: dict[str, str]
) -> None:
    edges = np.array(leakage["histogram_edges"])
    width = edges[1] - edges[0]
    # Genes that share nothing stand apart, left of 0.
    positions = np.concatenate([[-width], (edges[:-1] + edges[1:]) / 2])
    bottom = np.zeros(len(positions))
    for label, color, members in _grouped(split, colors):
        counts = np.sum([facts["histogram"] for facts in members], axis=0)
        axes.bar(positions, counts, width * 0.9, bottom=bottom, color=color, label=label, linewidth=0)
        bottom += counts
    axes.set_title(f"{name.capitalize()} genes by what training has of them")
    axes.set_xlabel(f"share of a gene's {leakage['word_length']}-mers in the training genes, either strand")
    axes.set_ylabel("genes")
    axes.set_xticks([-width, 0.25, 0.5, 0.75, 1], ["none", "0.25", "0.5", "0.75", "1"])
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)


def _plot_strata(axes: Axes, name: str, split: dict[str, Any], strata: list[str], colors: dict[str, str]) -> None:
    groups = _grouped(split, colors)[::-1]
    totals = np.array([sum(facts["genes"] for facts in members) for _, _, members in groups])
    left = np.zeros(len(groups))
    for stratum, color in zip(strata, _STRATUM_COLORS, strict=True):
        counts = np.array([sum(facts["strata"][stratum] for facts in members) for _, _, members in groups])
        axes.barh(range(len(groups)), counts / totals, left=left, color=color, label=stratum, height=0.7)
        left += counts / totals
    axes.set_yticks(
        range(len(groups)), [f"{label}  ({total:,})" for (label, _, _), total in zip(groups, totals, strict=True)]
    )
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.tick_params(length=0)
    axes.set_title(f"{name.capitalize()} genes of each type")
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.08))
