"""One model, one split, some tasks: from a dataset folder to a results object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasets import Dataset
from transformers import PreTrainedModel

from genelm.dataset_scripts import (
    familiarity_strata,
    load_split,
    read_manifest,
    reverse_complement,
    similarity_thresholds,
)
from genelm.storage import InputError

from . import edits, generation, mutations, perplexity, probing
from .edits import make_edited_pairs, measure_edits
from .gene_scores import write_gene_table
from .generation import measure_generation
from .joined_genes import count_bases
from .mutation_pairs import read_pairs
from .mutations import measure_mutations, pair_sequences
from .partial_results import PartialResults
from .perplexity import measure_perplexity
from .probing import has_classes, kmer_counts, mean_hidden_states, measure_probing, symbol_root
from .results import Measurement, make_results
from .scoring import MAX_POSITIONS, check_lengths, score_genes
from .writing import write_genes

TASKS = (perplexity.TASK, edits.TASK, mutations.TASK, generation.TASK, probing.TASK)

WRITTEN_GENES = 500
"""Genes that a model writes for the task "generation", each at most as long as the longest of the split."""


def evaluate_model(
    model: PreTrainedModel,
    *,
    model_info: dict[str, Any],
    dataset_folder: Path,
    split: str,
    tasks: Sequence[str] = (perplexity.TASK,),
    pairs: Sequence[Path] = (),
    seed: int = 0,
    command: str,
    max_positions: int = MAX_POSITIONS,
    cache: PartialResults | None = None,
    gene_scores: Path | None = None,
) -> dict[str, Any]:
    """Measure a model on one split of a dataset.

    Args:
        model: any model the scorer takes.
        model_info: `name`, `model_type`, `parameters` and `fingerprint`, as they are to stand in the results, and
            `trained_on`, the fingerprint of a dataset, where it is known.
        dataset_folder: as `genelm data build` writes it. Familiarity is against its train split.
        split: `train`, `validation` or `test`.
        tasks: of `TASKS`.
        pairs: files or folders for the task "mutations", the paper's; the task "edits" makes its own from the split.
        seed: of the bootstrap and of made pairs.
        command: the command line, for the record.
        max_positions: of one batch of the scorer, padding included.
        cache: where scores, hidden states and written genes are kept as they are made, to go on after an
            interruption.
        gene_scores: where to write what each gene costs, by which reports compare models; the task "perplexity" makes
            it.

    Returns:
        A results object; see `results.make_results`.

    Raises:
        InputError: a task is unknown, the dataset or a pair file cannot be used, or a gene is too long for the model.
    """
    if unknown := [task for task in tasks if task not in TASKS]:
        raise InputError(f"There is no task {unknown[0]!r}; the tasks are {', '.join(TASKS)}.")
    if mutations.TASK in tasks and not pairs:
        raise InputError(
            f"The task {mutations.TASK} is on the paper's pairs; give their files, or ask for {edits.TASK}."
        )
    if pairs and mutations.TASK not in tasks:
        raise InputError(f"{pairs[0]} holds mutation pairs, but the task {mutations.TASK} is not asked for; add it.")
    if not isinstance(model, PreTrainedModel) and (needing := {generation.TASK, probing.TASK} & set(tasks)):
        raise InputError(
            f"The task {min(needing)} is for models over genelm's own vocabulary that read genes whole; leave it out."
        )
    manifest = read_manifest(dataset_folder)
    genes = load_split(dataset_folder, split)
    sequences: list[str] = list(genes["sequence"])
    # Before anything is scored: a sequence that cannot be read must not cost the time of another task.
    check_lengths(model, genes["length"], genes["gene_id"])
    pair_sets = read_pairs(pairs)
    paired = pair_sequences(pair_sets)
    check_lengths(model, list(map(len, paired)), list(paired.values()))
    ids = np.array(genes["gene_id"], dtype=np.str_)
    clusters = np.array([cluster or gene for cluster, gene in zip(genes["cluster_id"], ids, strict=True)])
    if not sequences:
        raise InputError(f"The {split} split of {dataset_folder} has no gene; evaluate another, or build it anew.")
    if probing.TASK in tasks and not any(has_classes(labels, clusters) for labels in _probed_labels(genes).values()):
        raise InputError(
            f"Probing needs two types or families with at least {probing.MIN_GENES} genes in {probing.MIN_CLUSTERS} "
            f"clusters each, which the {split} split has not; leave the task {probing.TASK} out."
        )
    edited_pairs = make_edited_pairs(sequences, seed) if edits.TASK in tasks else []
    for made in edited_pairs:
        names = [f"{ids[gene]}, with {made.n_edits} edits ({made.kind})," for gene in made.genes]
        check_lengths(model, list(map(len, made.edited)), names)
    familiarity = familiarity_strata(np.array(genes["familiarity"]))
    training: list[str] = load_split(dataset_folder, "train")["sequence"][:]
    identical = sum(real == mutated for p in pair_sets for real, mutated in zip(p.real, p.mutated, strict=True))
    notes = _notes(model_info, manifest, [] if split == "train" else sequences, training, identical)
    if split == "validation" and getattr(getattr(model, "config", None), "has_index", False):
        notes.append(
            "This model's weights are fitted on validation genes; if these are they, its figures are better than on "
            "others."
        )
    measurements: list[Measurement] = []
    if perplexity.TASK in tasks:
        scores = score_genes(
            model,
            sequences,
            names=genes["gene_id"],
            max_positions=max_positions,
            description=perplexity.TASK,
            cache=cache,
        )
        measurements += measure_perplexity(
            scores,
            model.config,
            familiarity=familiarity,
            gene_types=list(genes["gene_type"]),
            clusters=clusters,
            seed=seed,
        )
    if mutations.TASK in tasks:
        known = {sequence: str(cluster) for sequence, cluster in zip(sequences, clusters, strict=True)}
        measurements += measure_mutations(
            model, pair_sets, clusters=known, seed=seed, max_positions=max_positions, cache=cache
        )
    if edits.TASK in tasks:
        measurements += measure_edits(
            model,
            edited_pairs,
            familiarity=familiarity,
            clusters=clusters,
            seed=seed,
            max_positions=max_positions,
            cache=cache,
        )
    if probing.TASK in tasks:
        measurements += _probe(model, genes, clusters, seed, max_positions, cache, notes)
    if generation.TASK in tasks:
        written = write_genes(
            model,
            num=WRITTEN_GENES,
            longest=max(genes["length"]),
            seed=seed,
            description=generation.TASK,
            cache=cache,
        )
        measurements += measure_generation(
            [sequence for sequence, _ in written],
            [is_complete for _, is_complete in written],
            held_out=sequences,
            training=training,
            coding=[gene_type == "PROTEIN_CODING" for gene_type in genes["gene_type"]],
            clusters=clusters,
            **similarity_thresholds(manifest),
            seed=seed,
        )
    dataset = {"name": manifest["name"], "fingerprint": manifest["fingerprint"], "split": split}
    if gene_scores is not None and perplexity.TASK in tasks:
        table = {"gene_id": ids, "cluster_id": clusters, "familiarity": familiarity}
        costs = {"n_bases": scores.n_bases, "base_nats": scores.base_nats, "eos_nats": scores.eos_nats}
        write_gene_table(pa.table(table | costs), gene_scores)
    return make_results(measurements, model=model_info, dataset=dataset, seed=seed, command=command, notes=notes)


def _notes(
    model_info: dict[str, Any], manifest: dict[str, Any], sequences: Sequence[str], training: Sequence[str], pairs: int
) -> list[str]:
    """Say what a reader of the results has to know."""
    notes = []
    trained_on = model_info.get("trained_on")
    if trained_on not in (None, manifest["fingerprint"]):
        notes.append(
            "The model was trained on another dataset than it is evaluated on, which may have these very genes: novel "
            "and familiar are by the training genes of the latter, and figures do not compare with those of models "
            "trained on it."
        )
    if manifest.get("config", {}).get("cluster_with") == "none":
        notes.append("Similar genes were not sought, so intervals take them for independent, and may be too narrow.")
    known = set(training)
    if n_known := sum(gene in known or reverse_complement(gene) in known for gene in sequences):
        notes.append(f"{n_known:,} of {len(sequences):,} genes are in the training split as well, on either strand.")
    if pairs:
        notes.append(f"Pairs that hold the same sequence twice, and so count as not found: {pairs:,}.")
    return notes


def _probe(
    model: PreTrainedModel,
    genes: Dataset,
    clusters: npt.NDArray[np.str_],
    seed: int,
    max_positions: int,
    cache: PartialResults | None,
    notes: list[str],
) -> list[Measurement]:
    """Probe for type and family; if one of them has not two classes, that is noted."""
    sequences: list[str] = list(genes["sequence"])
    features = mean_hidden_states(model, sequences, max_positions=max_positions, description=probing.TASK, cache=cache)
    if features is None:
        features = kmer_counts(sequences)
    measurements, refusals = [], []
    for name, values in _probed_labels(genes).items():
        try:
            measurements += measure_probing(
                features, labels=values, label_name=name, clusters=clusters, n_bases=count_bases(sequences), seed=seed
            )
        except InputError as error:
            refusals.append(error)
    notes += map(str, refusals)
    return measurements


def _probed_labels(genes: Dataset) -> dict[str, list[str | None]]:
    return {"gene_type": list(genes["gene_type"]), "gene_family": list(map(symbol_root, genes["symbol"]))}
