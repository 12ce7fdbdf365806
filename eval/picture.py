"""The pictures of a report."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genelm.dataset_scripts import STRATA
from genelm.pictures import COLORS, GRAY, STYLE, save_picture

from .results import ALL, find_measurement
from .tables import edit_limits, edited_numbers

_GRID = "#E5E5E5"
_MARKERS = ("o", "s", "^", "D")
"""They change when the colors start again."""


def draw_overview(results: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Draw the models of a report, left bits per base, right real genes told from copies, each with its interval.

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


def draw_gene_types(results: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Draw bits per base by gene type as a heat map, one row a model and one column a type; arguments as above."""
    sizes = {
        row["stratum"]: row["n_bases"]
        for result in results
        for row in result["measurements"]
        if row["task"] == "perplexity" and row["group"] == "gene_type"
    }
    types = sorted(sizes, key=lambda name: (-sizes[name], name))
    having = [result for result in results if find_measurement(result, task="perplexity", metric="bits_per_base")]
    values = np.full((len(having), len(types)), np.nan)
    for row, result in enumerate(having):
        for column, gene_type in enumerate(types):
            found = find_measurement(
                result, task="perplexity", metric="bits_per_base", group="gene_type", stratum=gene_type
            )
            if found is not None and math.isfinite(found["value"]):
                values[row, column] = found["value"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(6, 1.4 + 1.1 * len(types)), 1.6 + 0.42 * len(having)), layout="constrained")
        axes = figure.subplots()
        # Two bits a base is what guessing costs: it stays white, less is blue and more is red.
        reach = max(0.2, float(np.nanmax(np.abs(values - 2), initial=0)))
        drawn = axes.imshow(values, aspect="auto", cmap="RdBu_r", vmin=2 - reach, vmax=2 + reach)
        for (row, column), value in np.ndenumerate(values):
            if not math.isnan(value):
                is_dark = abs(value - 2) > 0.6 * reach
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                          color="white" if is_dark else "black")  # fmt: skip
        axes.set_xticks(range(len(types)), types, rotation=30, ha="right")
        axes.set_yticks(range(len(having)), [result["model"]["name"] for result in having])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.suptitle("Bits per base by gene type, most bases first (2 is guessing)")
        figure.colorbar(drawn, ax=axes, shrink=0.9, pad=0.01).outline.set_visible(False)
        for path in paths:
            save_picture(figure, path)


def draw_spectra(results: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Draw how far the k-mers of written genes are from those of held-out genes; arguments as above."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.4), layout="constrained")
        axes = figure.subplots()
        having = [r for r in results if any(row["task"] == "generation" for row in r["measurements"])]
        lines = [(result, "written", result["model"]["name"]) for result in having]
        lines += [(having[0], source, source) for source in ("held-out genes", "shuffled genes")]
        for number, (result, source, name) in enumerate(lines):
            points = {
                int(row["metric"].rpartition("_")[2]): row["value"]
                for row in result["measurements"]
                if row["metric"].startswith("jensen_shannon_") and row["stratum"] == source
            }
            is_reference = source != "written"
            axes.plot(list(points), list(points.values()), label=name, 
                      marker="" if is_reference else "o", markersize=5,
                      color=GRAY if is_reference else COLORS[number % len(COLORS)],
                      linestyle={"held-out genes": "--", "shuffled genes": ":"}.get(source, "-"))  # fmt: skip
        axes.set_yscale("log")
        axes.set_xlabel("k")
        axes.set_title("Distance of k-mer spectra from real genes, bits (less is better)")
        axes.grid(axis="y", color=_GRID, linewidth=0.8)
        axes.legend(frameon=False)
        for path in paths:
            save_picture(figure, path)


def draw_variants(results: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Draw what scores of variants have in common with effects or labels, by group; arguments as above."""
    rows = [row for result in results for row in result["measurements"] if row["task"] == "variants"]
    metrics = {"spearman": ("Spearman with the measured effect", 0), "auroc": ("AUROC of the labels", 0.5)}
    metric = next((name for name in metrics if any(row["metric"] == name for row in rows)), "auroc")
    strata = list(dict.fromkeys((row["group"], row["stratum"]) for row in rows if row["metric"] == metric))
    title, guessing = metrics[metric]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 1.6 + 0.3 * max(1, len(strata))), layout="constrained")
        axes = figure.subplots()
        for number, result in enumerate(results):
            found = [
                find_measurement(result, task="variants", metric=metric, group=group, stratum=stratum)
                for group, stratum in strata
            ]
            shift = (number - (len(results) - 1) / 2) * min(0.16, 0.6 / len(results))
            drawn = [(place + shift, row) for place, row in enumerate(found) if row is not None]
            bounds = [row["confidence_interval"] or [row["value"]] * 2 for _, row in drawn]
            errors = [[abs(row["value"] - bound[side]) for (_, row), bound in zip(drawn, bounds, strict=True)]
                      for side in (0, 1)]  # fmt: skip
            axes.errorbar([row["value"] for _, row in drawn], [place for place, _ in drawn], xerr=errors, fmt="o",
                          color=COLORS[number % len(COLORS)], label=result["model"]["name"], markersize=4,
                          elinewidth=1.2)  # fmt: skip
        axes.axvline(guessing, color=GRAY, linestyle=":", linewidth=1)
        axes.set_yticks(range(len(strata)), [stratum for _, stratum in strata])
        axes.set_ylim(len(strata) - 0.5, -0.5)
        axes.set_title(title)
        axes.set_xlabel("dotted: no better than chance")
        axes.grid(axis="x", color=_GRID, linewidth=0.8)
        axes.tick_params(length=0)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
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
    axes.set_title("Real genes told from copies (more is better)")
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
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
