"""All models and tasks at one glance: the main table, its plot, and the lines that a command prints of one model."""

from collections.abc import Sequence
from pathlib import Path

from ..results import Results
from .plots import saved_figure
from .section import Panel, Plot, Section
from .tables import MODEL_COLUMN, NOT_MEASURED, Column, markdown_table
from .task_report import TaskReport

MOST_PANELS = 2


def results_table(results: Sequence[Results], tasks: Sequence[TaskReport]) -> str:
    """Return the main table in genelm's conventions, and below it the same models in the paper's.

    Args:
        results: one object a model, of one dataset and split.
        tasks: that were measured.

    Returns:
        Two Markdown tables, or one where no value is in the paper's conventions; a value that was not measured is a
        dash.
    """
    ours = markdown_table(results, [*_MODEL_COLUMNS, *(column for task in tasks for column in task.columns(results))])
    in_papers = [one for one in results if any(row.convention == "paper" for row in one.measurements)]
    columns = [column for task in tasks for column in task.paper_columns(results)]
    if not in_papers or not columns:
        return ours
    papers = markdown_table(in_papers, [MODEL_COLUMN, *columns])
    return f"{ours}\nThe same in the paper's conventions (its alphabet, its end symbol):\n\n{papers}"


def headline(results: Results, tasks: Sequence[TaskReport]) -> list[tuple[str, str]]:
    """Return what the main table says of one model, and the most telling values of tasks that are not in it.

    Args:
        results: of the model.
        tasks: that were measured.

    Returns:
        Names of values, and the values.
    """
    columns = [*_MODEL_COLUMNS, *(column for task in tasks for column in task.headline_columns([results]))]
    cells = [(name, cell(results)) for name, cell in columns]
    return [(name, cell) for name, cell in cells if cell != NOT_MEASURED]


def overview_section(results: Sequence[Results], tasks: Sequence[TaskReport]) -> Section | None:
    """Return the first section of a report, or None where no task has a place in it."""
    panels = [panel for task in tasks if (panel := task.panel(results)) is not None][:MOST_PANELS]
    if not panels:
        return None
    caption = f"{', and '.join(panel.caption for panel in panels)}, for each model"
    plot = Plot("report", caption[0].upper() + caption[1:], lambda paths: _plot_panels(panels, results, paths))
    return Section("Overview", [results_table(results, tasks), plot])


def _plot_panels(panels: Sequence[Panel], results: Sequence[Results], paths: Sequence[Path]) -> None:
    with saved_figure(paths, figsize=(5.5 * len(panels), 4.8)) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, axes in zip(panels, all_axes, strict=True):
            panel.draw(axes, results)
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(results)), frameon=False)


_MODEL_COLUMNS: list[Column[Results]] = [MODEL_COLUMN, ("parameters", lambda results: f"{results.model.parameters:,}")]
