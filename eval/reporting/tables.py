"""Markdown tables over the results of several models, every value with its interval."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..results import Results

Row = TypeVar("Row")
Column = tuple[str, Callable[[Row], str]]
"""Title of a column, and what makes its cell of the object of a row."""

NOT_MEASURED = "–"

MODEL_COLUMN: Column[Results] = ("model", lambda results: results.model.name)


def metric_column(title: str, **labels: str) -> Column[Results]:
    """Return a column that shows one measurement of each model, such as `1.917 (1.912–1.922)`.

    Args:
        title: of the column.
        **labels: of the measurement, as `Results.find` takes them.
    """

    def cell(results: Results) -> str:
        row = results.find(**labels)
        if row is None:
            return NOT_MEASURED
        if math.isinf(row.value):
            return "∞"
        if row.confidence_interval is None:
            # Divergences of short k-mers are small numbers that differ by factors.
            return f"{row.value:.3f}" if row.value == 0 or row.value >= 0.01 else f"{row.value:.2g}"
        low, high = row.confidence_interval
        return f"{row.value:.3f} ({low:.3f}–{high:.3f})"

    return title, cell


def strata_of(results: Sequence[Results], task: str, group: str) -> list[str]:
    """Return the strata of a group that a task was measured on in any of the results, in their order."""
    return list(dict.fromkeys(row.stratum for one in results for row in one.of(task) if row.group == group))


def markdown_table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> str:
    """Return a Markdown table, its first column as text and the others as numbers.

    Args:
        rows: one object a row, such as the results of a model.
        columns: title of each column, and what makes a cell of the object of a row.

    Returns:
        The lines of the table.
    """
    header = [title for title, _ in columns]
    return render_lines([header, *([cell(row) for _, cell in columns] for row in rows)])


def render_lines(lines: Sequence[Sequence[str]], n_text_columns: int = 1) -> str:
    """Return cells as a Markdown table.

    Args:
        lines: the header, then the rows.
        n_text_columns: columns from the left that hold text and not numbers.
    """
    header, *rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    ruler = ["---" if column < n_text_columns else "---:" for column in range(len(header))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [header, ruler, *rows])
