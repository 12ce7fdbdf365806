"""Evaluate models and lay results side by side from Python."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from transformers import PreTrainedModel

from genelm.eval import (
    MAX_POSITIONS,
    best_first,
    evaluate_model,
    gene_scores_path,
    gene_table_of,
    headline,
    read_gene_table,
    read_learning_curve,
    read_results,
    results_files,
    write_gene_table,
    write_report,
    write_results,
)
from genelm.modeling import describe_model, save_model_folder
from genelm.storage import InputError, check_output_file

from .model import Model, load


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that was measured of a model on one split, and what it takes to trust and repeat it.

    Attributes:
        content: what a results file holds: `model`, `dataset`, `measurements`, `seed`, `packages`, `command`, `notes`.
        genes: what each gene costs, by which a report compares models; None without the task perplexity.
    """

    content: dict[str, Any]
    genes: pa.Table | None = None

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {figure}" for name, figure in headline(self.content))
        dataset = self.content["dataset"]
        return (
            f"<genelm.Results of {self.content['model']['name']} on {dataset['name']}, {dataset['split']}: {figures}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each measurement: task, metric, group, stratum, value, interval, genes, bases."""
        return pd.DataFrame(self.content["measurements"])

    def save(self, path: str | Path) -> None:
        """Write a results file, and beside it what each gene costs.

        Args:
            path: a name that ends in .json; an older file is replaced.

        Raises:
            InputError: the name is another, or nothing can be written there.
        """
        file = Path(path)
        if file.suffix != ".json":
            raise InputError(f"{file} does not end in .json; name a results file so.")
        check_output_file(file)
        if self.genes is not None:
            write_gene_table(self.genes, gene_scores_path(file))
        write_results(self.content, file)


def evaluate(
    model: str | Path | PreTrainedModel | Model,
    data: str | Path,
    *,
    split: str = "validation",
    tasks: str | Sequence[str] = ("perplexity",),
    pairs: Sequence[str | Path] = (),
    seed: int = 0,
    max_positions: int = MAX_POSITIONS,
) -> Results:
    """Measure a model on one split of a dataset, familiar and novel genes apart.

    Args:
        model: what `load` takes or returns.
        data: folder of a dataset.
        split: `train`, `validation` or `test`. Choose on validation, report on test.
        tasks: of `genelm.eval.TASKS`, one or several.
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
    wanted = [tasks] if isinstance(tasks, str) else list(tasks)
    chosen = f"split={split!r}, tasks={wanted!r}, seed={seed}"
    with tempfile.TemporaryDirectory() as temporary, _folder_of(measured) as folder:
        costs = Path(temporary, "genes.parquet")
        content = evaluate_model(
            measured.scorer,
            model_info=describe_model(measured.name, folder, measured.network),
            dataset_folder=Path(data),
            split=split,
            tasks=wanted,
            pairs=[Path(pair) for pair in pairs],
            seed=seed,
            command=f"genelm.evaluate({str(measured.folder or measured.name)!r}, {str(data)!r}, {chosen})",
            max_positions=max_positions,
            gene_scores=costs,
        )
        return Results(content, read_gene_table(costs) if costs.exists() else None)


def report(
    results: Sequence[str | Path | Results], output: str | Path, *, learning_curve: str | Path | None = None
) -> list[Path]:
    """Lay results side by side: tables and pictures, as one HTML page and as Markdown.

    Args:
        results: results files, folders of them, or what `evaluate` returned.
        output: folder to write.
        learning_curve: `learning_curve.json` of `genelm learning-curve`, on the same genes.

    Returns:
        The files that were written.

    Raises:
        InputError: a file holds no results, or the results are not of the same genes.
    """
    contents, tables = [], {}
    for one in results:
        for content, genes in [(one.content, one.genes)] if isinstance(one, Results) else _read(Path(one)):
            contents.append(content)
            if genes is not None:
                tables[content["model"]["name"]] = genes
    curve = None if learning_curve is None else read_learning_curve(Path(learning_curve))
    return write_report(best_first(contents), Path(output), gene_tables=tables, learning_curve=curve)


def _read(path: Path) -> Iterator[tuple[dict[str, Any], pa.Table | None]]:
    for file in results_files([path]):
        content = read_results(file)
        yield content, gene_table_of(file, content)


@contextmanager
def _folder_of(model: Model) -> Iterator[Path]:
    """Give the folder of a model; one in memory is saved, because its fingerprint is that of its files."""
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
