"""Evaluate models and lay results side by side from Python."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transformers import PreTrainedModel

from genelm.eval import (
    MAX_POSITIONS,
    MeasuredModel,
    Results,
    Task,
    TaskReport,
    best_first,
    evaluate_model,
    read_learning_curve,
    reports_of,
    results_files,
    write_report,
)
from genelm.modeling import describe_model, save_model_folder

from .model import Model, load


def evaluate(
    model: str | Path | PreTrainedModel | Model,
    data: str | Path,
    *,
    split: str = "validation",
    tasks: str | Task | Sequence[str | Task] = ("perplexity",),
    pairs: Sequence[str | Path] = (),
    seed: int = 0,
    max_positions: int = MAX_POSITIONS,
) -> Results:
    """Measure a model on one split of a dataset, familiar and novel genes apart.

    Args:
        model: what `load` takes or returns.
        data: folder of a dataset.
        split: `train`, `validation` or `test`. Choose on validation, report on test.
        tasks: one or several of `genelm.eval.TASKS` ("perplexity", "edits", "mutations", "generation", "probing"), or
            tasks of your own, derived from `genelm.Task`.
        pairs: files or folders of pairs for the task "mutations", the paper's.
        seed: of confidence intervals and of made pairs.
        max_positions: positions of one batch, padding included; fewer need less memory and change no result.

    Returns:
        The results; `save` writes them to a file that `report` and `genelm push` take.

    Raises:
        InputError: a task is unknown, the dataset or a pair file cannot be used, or a gene is too long for the model.

    Example:
        >>> _ = genelm.build_dataset("genes", source="simulated", num_genes=100)
        >>> model = genelm.fit_ngram("genes", smoothing="laplace", order=3)
        >>> results = genelm.evaluate(model, "genes", split="test")
        >>> {"familiarity", "gene_type"} <= set(results.to_frame()["group"])
        True
    """
    measured = load(model)
    wanted = [tasks] if isinstance(tasks, str | Task) else list(tasks)
    names = [task if isinstance(task, str) else task.name for task in wanted]
    chosen = f"split={split!r}, tasks={names!r}, seed={seed}"
    with _folder_of(measured) as folder:
        return evaluate_model(
            measured.scorer,
            measured_model=MeasuredModel(**describe_model(measured.name, folder, measured.network)),
            dataset_folder=Path(data),
            split=split,
            tasks=wanted,
            pairs=[Path(pair) for pair in pairs],
            seed=seed,
            command=f"genelm.evaluate({str(measured.folder or measured.name)!r}, {str(data)!r}, {chosen})",
            max_positions=max_positions,
        )


def report(
    results: Sequence[str | Path | Results],
    output: str | Path,
    *,
    learning_curve: str | Path | None = None,
    tasks: Sequence[str | TaskReport] = (),
) -> list[Path]:
    """Lay results side by side: tables and plots, as one HTML page and as Markdown.

    Args:
        results: results files, folders of them, or what `evaluate` returned.
        output: folder to write.
        learning_curve: `learning_curve.json` of `genelm learning-curve`, on the same genes.
        tasks: of your own, which say how their results are shown; without them those are plain tables.

    Returns:
        The files that were written.

    Raises:
        InputError: a file holds no results, or the results are not of the same genes.
    """
    found = [one for given in results for one in ([given] if isinstance(given, Results) else _read(Path(given)))]
    curve = None if learning_curve is None else read_learning_curve(Path(learning_curve))
    return write_report(best_first(found), Path(output), reports_of(found, tasks), learning_curve=curve)


def _read(path: Path) -> list[Results]:
    return [Results.load(file) for file in results_files([path])]


@contextmanager
def _folder_of(model: Model) -> Iterator[Path]:
    """Yield the folder of a model; one in memory is saved, because its fingerprint is that of its files."""
    if model.folder is not None:
        yield model.folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        if model.has_our_vocabulary:
            save_model_folder(folder, model.network, model.tokenizer, model.record)
        else:
            model.network.save_pretrained(folder)
        yield folder
