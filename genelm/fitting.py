"""Fit and train models from Python."""

from pathlib import Path
from typing import Any

from genelm.tokenization import load_tokenizer
from genelm.training import fit_ngram as count_and_weigh
from genelm.training import train as run_training

from .model import Model


def fit_ngram(data: str | Path, smoothing: str = "mixture", **options: Any) -> Model:
    """Count the n-grams of the training genes of a dataset, and fit weights where the smoothing has them.

    Args:
        data: folder of a dataset; its train split is counted, weights are fitted on its validation split.
        smoothing: `mixture`, `interpolated`, `laplace` or `mle`.
        **options: others of `genelm.modeling.GeneNGramConfig`: `order`, `both_strands`, `own_gene`, `pseudocount`,
            `paper`.

    Returns:
        The model, named after its smoothing; `save` writes its folder.

    Raises:
        InputError: there can be no such model, or the dataset lacks a split that it needs.

    Example:
        >>> _ = genelm.build_dataset("genes", source="simulated", num_genes=100)
        >>> genelm.fit_ngram("genes", smoothing="laplace", order=3).save("runs/trigram")
    """
    network, record = count_and_weigh(Path(data), {"smoothing": smoothing, **options})
    return Model(network, load_tokenizer(), name=smoothing, record=record)


def train(
    config: str | Path | None = None,
    *,
    data: str | Path,
    output_dir: str | Path,
    model: dict[str, Any] | None = None,
    **options: Any,
) -> Path:
    """Train a network in this process, as `train.py` and `genelm train` do; for several GPUs, launch one of those.

    Args:
        config: YAML file with options and a section `model:`, such as configs/lstm.yaml.
        data: folder of a dataset.
        output_dir: folder of the run: the model, its record, checkpoints and logs.
        model: options of the model, which win over those of the file, such as `{"hidden_size": 128}`.
        **options: others of `genelm.training.TrainingConfig`, which win over those of the file, such as
            `learning_rate=2e-3`.

    Returns:
        The folder of the model that was best on validation, for `genelm.load`.

    Raises:
        InputError: an option, the data or a checkpoint cannot be used, or training cannot go on.
        SystemExit: the run was told to stop and has written a checkpoint.
    """
    values = {"config": config, "data": data, "output_dir": output_dir, **options}
    values |= {f"model.{name}": value for name, value in (model or {}).items()}
    given = {name: str(value) for name, value in values.items() if value is not None}
    return run_training([part for name, value in given.items() for part in (f"--{name}", value)])
