"""One model, one split, some tasks: from a dataset folder to a results object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from genelm.dataset_scripts import familiarity_strata, load_split, read_manifest
from genelm.storage import InputError

from . import mutations, perplexity
from .mutation_pairs import make_pairs, read_pairs
from .mutations import measure_mutations, pair_sequences
from .perplexity import measure_perplexity
from .results import Measurement, make_results
from .scoring import MAX_POSITIONS, check_lengths, score_genes

TASKS = (perplexity.TASK, mutations.TASK)

GENERATED_MAX_EDITS = (1, 5, 10)
GENERATED_PAIRS = 1000
"""What is made from the split where no pair files are given: the paper's K and number of pairs."""


def evaluate_model(
    model: PreTrainedModel,
    *,
    model_info: dict[str, Any],
    dataset_folder: Path,
    split: str,
    tasks: Sequence[str] = TASKS,
    pairs: Sequence[Path] = (),
    seed: int = 0,
    command: str,
    max_positions: int = MAX_POSITIONS,
) -> dict[str, Any]:
    """Measure a model on one split of a dataset.

    Args:
        model: any model the scorer takes.
        model_info: `name`, `model_type`, `parameters` and `fingerprint`, as they are to stand in the results.
        dataset_folder: as `genelm data build` writes it. Familiarity is against its train split.
        split: `train`, `validation` or `test`.
        tasks: of `TASKS`.
        pairs: files or folders for the task "mutations"; where none are given, pairs are made from the split.
        seed: of the bootstrap and of made pairs.
        command: the command line, for the record.
        max_positions: of one batch of the scorer, padding included.

    Returns:
        A results object; see `results.make_results`.

    Raises:
        InputError: a task is unknown, the dataset or a pair file cannot be used, or a gene is too long for the model.
    """
    if unknown := [task for task in tasks if task not in TASKS]:
        raise InputError(f"There is no task {unknown[0]!r}; the tasks are {' and '.join(TASKS)}.")
    if pairs and mutations.TASK not in tasks:
        raise InputError(f"{pairs[0]} holds mutation pairs, but the task {mutations.TASK} is not asked for; add it.")
    manifest = read_manifest(dataset_folder)
    genes = load_split(dataset_folder, split)
    sequences: list[str] = list(genes["sequence"])
    # Before anything is scored: a sequence that cannot be read must not cost the time of another task.
    check_lengths(model, genes["length"], genes["gene_id"])
    pair_sets = read_pairs(pairs)
    if mutations.TASK in tasks:
        pair_sets = pair_sets or [make_pairs(sequences, k, GENERATED_PAIRS, seed) for k in GENERATED_MAX_EDITS]
        paired = pair_sequences(pair_sets)
        check_lengths(model, list(map(len, paired)), list(paired.values()))
    measurements: list[Measurement] = []
    if perplexity.TASK in tasks:
        scores = score_genes(
            model, sequences, names=list(genes["gene_id"]), max_positions=max_positions, description=perplexity.TASK
        )
        measurements += measure_perplexity(
            scores,
            model.config,
            familiarity=familiarity_strata(np.array(genes["familiarity"])),
            gene_types=list(genes["gene_type"]),
            seed=seed,
        )
    if mutations.TASK in tasks:
        measurements += measure_mutations(model, pair_sets, seed=seed, max_positions=max_positions)
    dataset = {"name": manifest["name"], "fingerprint": manifest["fingerprint"], "split": split}
    return make_results(measurements, model=model_info, dataset=dataset, seed=seed, command=command)
