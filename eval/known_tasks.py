"""The tasks there are, and those that a user brings."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from genelm.storage import InputError

from .reporting import TaskReport, UnknownTaskReport
from .results import Results
from .tasks import Edits, Generation, Mutations, Perplexity, Probing, Task
from .variants import VariantsReport

TASKS: dict[str, type[Task]] = {task.name: task for task in (Perplexity, Edits, Mutations, Generation, Probing)}
"""Name -> task, in the order of reports."""


def resolve_tasks(tasks: Sequence[str | Task], pairs: Sequence[Path] = ()) -> list[Task]:
    """Return the tasks that are asked for, known ones first and in the order of reports.

    Args:
        tasks: names of `TASKS`, `MODULE:CLASS` of one that is defined elsewhere, or tasks.
        pairs: files or folders for the task "mutations", the paper's.

    Raises:
        InputError: there is no such task, or there are pairs but no task for them.
    """
    found = {task.name: task for task in map(_resolve, tasks)}
    if pairs and Mutations.name not in found:
        raise InputError(f"{pairs[0]} holds mutation pairs, but the task {Mutations.name} is not asked for; add it.")
    if pairs:
        found[Mutations.name] = Mutations(pairs)
    order = [*TASKS, *(name for name in found if name not in TASKS)]
    return [found[name] for name in order if name in found]


def reports_of(results: Sequence[Results], own: Sequence[str | TaskReport] = ()) -> list[TaskReport]:
    """Return how the tasks in some results are shown, in the order of reports.

    Args:
        results: of any number of models.
        own: tasks that are defined elsewhere, as `resolve_tasks` takes them; a task in the results that is neither
            known nor among these is shown as a plain table.
    """
    brought = {task.name: task for task in (_resolve(task) if isinstance(task, str) else task for task in own)}
    known: dict[str, TaskReport] = {name: task() for name, task in TASKS.items()}
    known[VariantsReport.name] = VariantsReport()
    known |= brought
    measured = list(dict.fromkeys(row.task for one in results for row in one.measurements))
    names = [*(name for name in known if name in measured), *(name for name in measured if name not in known)]
    return [known.get(name) or UnknownTaskReport(name) for name in names]


def _resolve(task: str | Task) -> Task:
    if isinstance(task, Task):
        return task
    if task in TASKS:
        return TASKS[task]()
    module, _, name = task.partition(":")
    if not name:
        raise InputError(
            f"There is no task {task!r}; the tasks are {', '.join(TASKS)}, and MODULE:CLASS names one of your own."
        )
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a console script does not look there
    try:
        own = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise InputError(f"The task {task} cannot be loaded ({error}); give MODULE:CLASS.") from error
    if not isinstance(own, Task):
        raise InputError(f"{task} is no task; derive it from genelm.Task.")
    return own
