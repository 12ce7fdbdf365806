"""One model, one split, some tasks: from a dataset folder to results."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from genelm.dataset_scripts import (
    Manifest,
    familiarity_strata,
    load_split,
    read_manifest,
    similarity_thresholds,
)
from genelm.modeling import traits_of
from genelm.storage import InputError
from genelm.tokenization import reverse_complement

from .known_tasks import resolve_tasks
from .results import MeasuredDataset, MeasuredModel, Measurement, Results
from .scoring import MAX_POSITIONS, ScoreCache, check_lengths
from .tasks import EvaluatedGenes, Perplexity, Task, TaskInput

log = logging.getLogger(__name__)


def evaluate_model(
    model: torch.nn.Module,
    *,
    measured_model: MeasuredModel,
    dataset_folder: Path,
    split: str,
    tasks: Sequence[str | Task] = ("perplexity",),
    pairs: Sequence[Path] = (),
    seed: int = 0,
    command: str,
    max_positions: int = MAX_POSITIONS,
    cache: ScoreCache | None = None,
) -> Results:
    """Measure a model on one split of a dataset.

    Args:
        model: what `score_genes` takes.
        measured_model: what results say of it.
        dataset_folder: as `genelm data build` writes it. Familiarity is against its train split.
        split: `train`, `validation` or `test`.
        tasks: names of `TASKS`, `MODULE:CLASS` of others, or tasks.
        pairs: files or folders for the task "mutations", the paper's; the task "edits" makes its own from the split.
        seed: of the bootstrap and of made pairs.
        command: the command line, for the record.
        max_positions: of one batch of the scorer, padding included.
        cache: where scores, hidden states and generated genes are kept as they are made, to go on after an
            interruption.

    Returns:
        The results, with what each gene costs if the task perplexity is among them.

    Raises:
        InputError: a task is unknown, the dataset or a pair file cannot be used, or a gene is too long for the model.
    """
    wanted = resolve_tasks(tasks, pairs)
    manifest = read_manifest(dataset_folder)
    genes = _read_genes(dataset_folder, split)
    check_lengths(model, genes.lengths, genes.ids.tolist())
    training: list[str] = load_split(dataset_folder, "train")["sequence"][:]
    given = TaskInput(
        model=model,
        genes=genes,
        training=training,
        similarity=similarity_thresholds(manifest),
        split=split,
        seed=seed,
        max_positions=max_positions,
        cache=cache,
        notes=_notes(measured_model, manifest, [] if split == "train" else genes.sequences, training),
    )
    if split == "validation" and traits_of(model).fitted_on_validation:
        given.notes.append(
            "This model's weights are fitted on validation genes; if these are they, its values are better than on "
            "others."
        )
    for task in wanted:
        task.check(given)
    measurements: list[Measurement] = []
    for task in wanted:
        log.debug("measuring %s on %d genes of %s", task.name, len(genes.ids), split)
        measurements += task.measure(given)
    return Results(
        model=measured_model,
        dataset=MeasuredDataset(name=manifest.name, fingerprint=manifest.fingerprint, split=split),
        measurements=measurements,
        seed=seed,
        command=command,
        notes=given.notes,
        gene_table=_gene_table(given) if any(task.name == Perplexity.name for task in wanted) else None,
    )


def _read_genes(folder: Path, split: str) -> EvaluatedGenes:
    genes = load_split(folder, split)
    if not len(genes):
        raise InputError(f"The {split} split of {folder} has no gene; evaluate another, or build it anew.")
    ids = np.array(genes["gene_id"], dtype=np.str_)
    return EvaluatedGenes(
        ids=ids,
        sequences=list(genes["sequence"]),
        clusters=np.array([cluster or gene for cluster, gene in zip(genes["cluster_id"], ids, strict=True)]),
        familiarity=familiarity_strata(np.array(genes["familiarity"])),
        types=list(genes["gene_type"]),
        symbols=list(genes["symbol"]),
    )


def _gene_table(given: TaskInput) -> pa.Table:
    """Return what each gene costs."""
    genes, scores = given.genes, given.gene_scores
    facts = {"gene_id": genes.ids, "cluster_id": genes.clusters, "familiarity": genes.familiarity}
    costs = {"n_bases": scores.n_bases, "base_nats": scores.base_nats, "eos_nats": scores.eos_nats}
    return pa.table(facts | costs)


def _notes(model: MeasuredModel, manifest: Manifest, sequences: Sequence[str], training: Sequence[str]) -> list[str]:
    """Return what a reader of the results has to know."""
    notes = []
    if model.trained_on not in (None, manifest.fingerprint):
        notes.append(
            "The model was trained on another dataset than it is evaluated on, which may have these very genes: novel "
            "and familiar are by the training genes of the latter, and values do not compare with those of models "
            "trained on it."
        )
    if manifest.config.get("cluster_with") == "none":
        notes.append("Similar genes were not sought, so intervals take them for independent, and may be too narrow.")
    known = set(training)
    if n_known := sum(gene in known or reverse_complement(gene) in known for gene in sequences):
        notes.append(f"{n_known:,} of {len(sequences):,} genes are in the training split as well, on either strand.")
    return notes
