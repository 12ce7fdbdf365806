"""How the results of a task are shown: in the overview, in its own sections and on a card.

Every method has a form that suits any task, so a task says only what it wants otherwise; the results of a task that
nobody knows here are shown as well.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..results import ALL, Measurement, Results
from .section import Panel, Section
from .tables import Column, render_lines

_MOST_COLUMNS = 8
"""A task with more metrics has a row for each of them, and a column for each stratum."""


class TaskReport:
    """How the results of a task are shown.

    Attributes:
        name: of the task, as results have it.
        title: of its table on a card, and of its section.
        counted: what its measurements are over, such as `Pairs`.
        metric_names: metric -> what a table calls it; others are named by their own words.
        headline_groups: groups of measurements that enter the header of a model card; all are in its tables.
    """

    name: str
    title: str = ""
    counted: str = "Genes"
    metric_names: ClassVar[Mapping[str, str]] = {}
    headline_groups: tuple[str, ...] = (ALL, "familiarity")

    def conditions(self, results: Results) -> dict[str, str]:
        """Return what has to be the same in all results that are laid side by side: what it is -> its value."""
        return {f"version of the task {self.name}": str(results.of(self.name)[0].task_version)}

    def columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return columns of the main table, in genelm's conventions."""
        return []

    def paper_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return columns of the table in the paper's conventions."""
        return []

    def headline_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return what is printed of one model when it has been measured."""
        return self.columns(results)

    def panel(self, results: Sequence[Results]) -> Panel | None:
        """Return the part of the plot at the head of a report that shows this task, or None."""
        return None

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return the sections of a report.

        Args:
            results: of models that were measured on this task, one or more.
        """
        parts = [
            part
            for one in results
            for part in (f"{one.model.name}:", render_lines(self.measurement_table(one.of(self.name))))
        ]
        return [Section(self.title or self.name, parts)]

    def measurement_table(self, rows: Sequence[Measurement]) -> list[list[str]]:
        """Return a table of all measurements of one model: a row for each stratum, a column for each metric.

        Returns:
            Lines of cells, the header first.
        """
        metrics = list(dict.fromkeys(row.metric for row in rows))
        strata: dict[str, dict[str, Measurement]] = {}
        for row in rows:
            strata.setdefault(self.stratum_name(row), {})[row.metric] = row
        lines = [[self.counted, *map(self.metric_name, metrics), f"Number of {self.counted.lower()}", "Bases"]]
        for name, found in strata.items():
            any_row = next(iter(found.values()))
            values = [_format_value(found[metric]) if metric in found else "" for metric in metrics]
            lines.append([name, *values, f"{any_row.n_genes:,}", f"{any_row.n_bases:,}"])
        if len(metrics) > _MOST_COLUMNS:
            lines = [list(column) for column in zip(*lines, strict=True)]
        return lines

    def metric_name(self, metric: str) -> str:
        """Return what a table calls a metric."""
        return self.metric_names.get(metric, metric.replace("_", " ").capitalize())

    def stratum_name(self, row: Measurement) -> str:
        """Return what a card calls the genes that a measurement is over."""
        name = self.group_name(row.group, row.stratum)
        return name if row.convention == "genelm" else f"{name}, {row.convention} convention"

    def group_name(self, group: str, stratum: str) -> str:
        """Return what a card calls a stratum of a group."""
        return stratum


class UnknownTaskReport(TaskReport):
    """How the results of a task are shown that is defined elsewhere."""

    def __init__(self, name: str) -> None:
        self.name, self.title = name, name.replace("_", " ").capitalize()


def _format_value(row: Measurement) -> str:
    if math.isinf(row.value):
        return "∞"
    if row.metric == "count":
        return f"{row.value:,.0f}"
    interval = row.confidence_interval
    return f"{row.value:.4f} ({interval[0]:.4f} to {interval[1]:.4f})" if interval else f"{row.value:.4f}"
