"""The task "mutations": does a model find the real gene more likely than a copy with a few random edits?

Two rules of decision, the paper's: by the mean per symbol ("perplexity rule") and by the probability of the whole
sequence ("probability rule"), which favors whatever is shorter. A tie is wrong: a model that cannot tell is not right.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from transformers import PretrainedConfig, PreTrainedModel

from genelm.storage import InputError

from .bootstrap import ratio_interval
from .mutation_pairs import PairSet
from .paper import nats_and_symbols
from .partial_results import PartialResults
from .results import Measurement
from .scoring import MAX_POSITIONS, GeneScores, score_genes

TASK, TASK_VERSION = "mutations", 1
"""The paper's task; version 2 has a name of its own, "edits"."""


def real_preferred(real: npt.ArrayLike, mutated: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say for each pair whether the real gene costs strictly less; a tie, infinities included, is not preferred.

    Args:
        real: cost of each real gene in nats, or in nats a symbol, shape `[n_pairs]`.
        mutated: cost of its copy in the same unit, shape `[n_pairs]`.
    """
    return np.less(real, mutated)


def mutation_accuracy(real: npt.ArrayLike, mutated: npt.ArrayLike) -> float:
    """Give the share of pairs whose real gene costs strictly less: the one definition.

    Args:
        real: cost of each real gene in nats, or in nats a symbol, shape `[n_pairs]`.
        mutated: cost of its copy in the same unit, shape `[n_pairs]`.

    Returns:
        Accuracy from 0 to 1; one half is what guessing gives.

    Raises:
        InputError: there is no pair.
    """
    preferred = real_preferred(real, mutated)
    if preferred.size == 0:
        raise InputError("Mutation accuracy needs at least one pair of sequences, but none was given.")
    return float(preferred.mean())


def pair_sequences(pair_sets: Sequence[PairSet]) -> dict[str, str]:
    """Give every sequence of the pairs once, with the place where it first stands."""
    names: dict[str, str] = {}
    for pairs in pair_sets:
        for row, (real, mutated) in enumerate(zip(pairs.real, pairs.mutated, strict=True), start=1):
            names.setdefault(real, f"{pairs.name}, pair {row}, real")
            names.setdefault(mutated, f"{pairs.name}, pair {row}, mutated")
    return names


def measure_mutations(
    model: PreTrainedModel,
    pair_sets: Sequence[PairSet],
    *,
    clusters: Mapping[str, str],
    seed: int,
    max_positions: int = MAX_POSITIONS,
    cache: PartialResults | None = None,
) -> list[Measurement]:
    """Score the pairs and measure how often the real gene is preferred.

    A sequence that occurs in several pairs is scored once, so identical sequences tie exactly.

    Args:
        model: any model the scorer takes.
        pair_sets: at least one.
        clusters: sequence of a real gene -> its cluster; a gene that is not here is a cluster of its own.
        seed: of the bootstrap over clusters of the real genes.
        max_positions: of one batch of the scorer, padding included.
        cache: as for `score_genes`.

    Returns:
        Accuracy by both rules and in both conventions, for each set (group `pairs`) and for all pairs of the sets with
        the same K together (group `max_edits`).

    Raises:
        InputError: a sequence has no base, or is too long for the model.
    """
    names = pair_sequences(pair_sets)
    sequences = list(names)
    scores = score_genes(
        model,
        sequences,
        names=list(names.values()),
        max_positions=max_positions,
        description=TASK,
        cache=cache,
    )
    if not scores.n_bases.all():
        without = names[sequences[int(np.argmin(scores.n_bases))]]
        raise InputError(f"{without}, has no A, C, G or T, so nothing can be scored; take the pair out.")
    return _measure_scored(pair_sets, sequences, scores, model.config, clusters, seed)


def _measure_scored(
    pair_sets: Sequence[PairSet],
    sequences: Sequence[str],
    scores: GeneScores,
    config: PretrainedConfig,
    clusters: Mapping[str, str],
    seed: int,
) -> list[Measurement]:
    """Turn the scores of all sequences of the pairs into the measurements of the task; see `measure_mutations`."""
    index = {sequence: i for i, sequence in enumerate(sequences)}
    cluster_of = np.array([clusters.get(sequence, sequence) for sequence in sequences])
    places = [
        (np.array([index[gene] for gene in pairs.real]), np.array([index[copy] for copy in pairs.mutated]))
        for pairs in pair_sets
    ]
    groups = [("pairs", pairs.name, [i]) for i, pairs in enumerate(pair_sets)]
    for k in sorted({pairs.max_edits for pairs in pair_sets}):
        groups.append(("max_edits", str(k), [i for i, pairs in enumerate(pair_sets) if pairs.max_edits == k]))
    costs = list(_costs(scores, config))
    measurements = []
    for group, stratum, members in groups:
        real, mutated = (np.concatenate([places[i][side] for i in members]) for side in (0, 1))
        for convention, metric, cost in costs:
            right = real_preferred(cost[real], cost[mutated])
            measurements.append(
                Measurement(
                    task=TASK,
                    task_version=TASK_VERSION,
                    convention=convention,
                    metric=metric,
                    units="",
                    group=group,
                    stratum=stratum,
                    value=mutation_accuracy(cost[real], cost[mutated]),
                    confidence_interval=ratio_interval(
                        right, np.ones(len(right)), clusters=cluster_of[real], seed=seed
                    ),
                    n_genes=len(real),
                    n_bases=int(scores.n_bases[real].sum()),
                )
            )
    return measurements


def _costs(scores: GeneScores, config: PretrainedConfig) -> Iterator[tuple[str, str, npt.NDArray[np.float64]]]:
    """Give convention, metric and what each sequence costs by it, for both conventions and both rules."""
    yield "genelm", "accuracy_perplexity_rule", scores.base_nats / scores.n_bases
    yield "genelm", "accuracy_probability_rule", scores.base_nats + scores.eos_nats
    nats, symbols = nats_and_symbols(scores, config)
    yield "paper", "accuracy_perplexity_rule", nats / symbols
    yield "paper", "accuracy_probability_rule", nats
