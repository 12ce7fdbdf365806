"""Tables, plots and reports over results; it knows no task, tasks say how they are shown."""

from .learning_curve import (
    LearningCurve,
    LearningCurveEntry,
    learning_curve_entry,
    learning_curve_table,
    read_learning_curve,
    write_learning_curve,
)
from .markdown_file import table_marks, update_table
from .overview import headline, results_table
from .report import best_first, write_report
from .section import Panel, Plot, Section
from .tables import markdown_table
from .task_report import TaskReport, UnknownTaskReport

__all__ = [
    "LearningCurve",
    "LearningCurveEntry",
    "Panel",
    "Plot",
    "Section",
    "TaskReport",
    "UnknownTaskReport",
    "best_first",
    "headline",
    "learning_curve_entry",
    "learning_curve_table",
    "markdown_table",
    "read_learning_curve",
    "results_table",
    "table_marks",
    "update_table",
    "write_learning_curve",
    "write_report",
]
