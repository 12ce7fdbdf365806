"""How results on variants are shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from genelm.plotting import GRAY

from ..reporting import Plot, Section, TaskReport
from ..reporting.plots import color_of, grid, saved_figure
from ..reporting.tables import metric_column, render_lines
from ..results import Measurement, Results

_METRICS = {"spearman": "Spearman", "spearman_size": "Spearman, size", "auroc": "AUROC"}
_PLOTTED = {"spearman": ("Spearman with the measured effect", 0.0), "auroc": ("AUROC of the labels", 0.5)}
"""Metric -> title of its plot, and what guessing gives; the first that was measured is plotted."""


class VariantsReport(TaskReport):
    """Rank correlations with measured effects and AUROC of labels, by group of variants."""

    name, version = "variants", 1
    title = "Variants against what is known of them"
    counted = "Variants"
    metric_names: ClassVar[Mapping[str, str]] = {"auroc": "AUROC of the negative score"}

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return a table and a plot of what scores of variants were compared with, or that there is nothing."""
        if not any(row.metric in _METRICS for one in results for row in one.of(self.name)):
            said = (
                "Too little is known of these variants to compare their scores with it; the scores lie beside the "
                "results files."
            )
            return [Section("Variants", [said])]
        plot = Plot(
            "variants",
            "Rank correlation with measured effects, or AUROC of labels, by group of variants",
            lambda paths: _plot(results, paths),
        )
        said = (
            "The score of a variant is the log-odds, against uniform bases, of the window around it with the "
            "alternative allele less that with the reference allele. Spearman: its rank correlation with the measured "
            "effect; size: of the negative score with the size of the effect. AUROC: of the negative score for "
            "telling harmful from harmless labels."
        )
        return [Section("Variants", [plot, _table(results), said])]


def _table(results: Sequence[Results]) -> str:
    """Return one row a group of variants, and for each model a column a metric."""
    rows = [row for one in results for row in one.of(VariantsReport.name)]
    metrics = [name for name in _METRICS if any(row.metric == name for row in rows)]
    lines = [["variants", "number", *(f"{one.model.name}: {_METRICS[name]}" for one in results for name in metrics)]]
    for group, stratum in dict.fromkeys((row.group, row.stratum) for row in rows if row.metric in metrics):
        number = max(row.n_genes for row in rows if (row.group, row.stratum) == (group, stratum))
        labels = {"task": VariantsReport.name, "group": group, "stratum": stratum}
        cells = [metric_column("", metric=name, **labels)[1](one) for one in results for name in metrics]
        lines.append([stratum, f"{number:,}", *cells])
    return render_lines(lines)


def _plot(results: Sequence[Results], paths: Sequence[Path]) -> None:
    """Plot what scores of variants have in common with effects or labels, a row a group."""
    rows = [row for one in results for row in one.of(VariantsReport.name)]
    metric = next((name for name in _PLOTTED if any(row.metric == name for row in rows)), "auroc")
    strata = list(dict.fromkeys((row.group, row.stratum) for row in rows if row.metric == metric))
    title, guessing = _PLOTTED[metric]
    with saved_figure(paths, figsize=(7.5, 1.6 + 0.3 * max(1, len(strata)))) as figure:
        axes = figure.subplots()
        for number, one in enumerate(results):
            found = [
                one.find(task=VariantsReport.name, metric=metric, group=group, stratum=stratum)
                for group, stratum in strata
            ]
            shift = (number - (len(results) - 1) / 2) * min(0.16, 0.6 / len(results))
            drawn = [(position + shift, row) for position, row in enumerate(found) if row is not None]
            axes.errorbar([row.value for _, row in drawn], [position for position, _ in drawn],
                          xerr=[[_error(row, side) for _, row in drawn] for side in (0, 1)], fmt="o",
                          color=color_of(number), label=one.model.name, markersize=4, elinewidth=1.2)  # fmt: skip
        axes.axvline(guessing, color=GRAY, linestyle=":", linewidth=1)
        axes.set_yticks(range(len(strata)), [stratum for _, stratum in strata])
        axes.set_ylim(len(strata) - 0.5, -0.5)
        axes.set_title(title)
        axes.set_xlabel("dotted: no better than chance")
        grid(axes, "x")
        axes.tick_params(length=0)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _error(row: Measurement, side: int) -> float:
    """Return how far the interval reaches on one side, 0 below and 1 above."""
    return abs(row.value - (row.confidence_interval or (row.value, row.value))[side])
