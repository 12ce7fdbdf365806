"""Genes, models and results for tests of the evaluation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from genelm.eval import EvaluatedGenes, MeasuredDataset, MeasuredModel, Measurement, Results


def genes_of(
    sequences: Sequence[str] = (),
    *,
    clusters: Sequence[str] | None = None,
    familiarity: Sequence[str] | None = None,
    types: Sequence[str | None] | None = None,
) -> EvaluatedGenes:
    """Genes of a split; each is a novel gene and a cluster of its own unless something else is said."""
    ids = np.array([f"g{i}" for i in range(len(sequences))], dtype=np.str_)
    return EvaluatedGenes(
        ids=ids,
        sequences=list(sequences),
        clusters=ids if clusters is None else np.array(clusters, dtype=np.str_),
        familiarity=np.array(familiarity or ["novel"] * len(sequences), dtype=np.str_),
        types=list(types or [None] * len(sequences)),
        symbols=[None] * len(sequences),
    )


def measurement(metric: str = "bits_per_base", value: float = 1.9, **changes: Any) -> Measurement:
    """A measurement of the task perplexity over all genes, but for what is said."""
    values: dict[str, Any] = {
        "task": "perplexity",
        "task_version": 1,
        "convention": "genelm",
        "metric": metric,
        "units": "",
        "group": "all",
        "stratum": "all",
        "value": value,
        "confidence_interval": None,
        "n_genes": 30,
        "n_bases": 9000,
    }
    return Measurement(**values | changes)


def results_of(
    measurements: Sequence[Measurement],
    *,
    name: str = "lstm",
    model_type: str = "gene_rnn",
    parameters: int = 10,
    model_fingerprint: str = "ab",
    dataset: str = "human_genes",
    dataset_fingerprint: str = "cd" * 32,
    split: str = "test",
    **changes: Any,
) -> Results:
    """Results of a model on human genes, but for what is said."""
    values: dict[str, Any] = {
        "model": MeasuredModel(name=name, model_type=model_type, parameters=parameters, fingerprint=model_fingerprint),
        "dataset": MeasuredDataset(name=dataset, fingerprint=dataset_fingerprint, split=split),
        "measurements": list(measurements),
        "seed": 0,
        "command": f"genelm evaluate runs/{name}",
        "notes": [],
    }
    return Results(**values | changes)
