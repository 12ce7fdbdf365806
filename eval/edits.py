"""The task "edits", version 2 of the mutation task: is a real gene better than a copy with edits of one kind?

The paper's task ("mutations") mixes kinds of edits, counts a tie as wrong, and compares means per symbol or else whole
sequences, which favors whatever is shorter. Here every kind and number of edits stands apart, a tie is half right, and
the score of a sequence is its log-odds against uniform bases, `n ln 4 + ln p(bases)`, in nats: of one length it orders
as the probability does, and a model that knows nothing gives 0 whatever the length.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedModel

from genelm.dataset_scripts import STRATA
from genelm.storage import InputError
from genelm.tokenization import BASES

from .bootstrap import ratio_interval, statistic_interval
from .partial_results import PartialResults
from .ranks import roc_area
from .results import ALL, Measurement
from .scoring import MAX_POSITIONS, GeneScores, score_genes

TASK, TASK_VERSION = "edits", 2

KINDS = ("substitution", "insertion", "deletion", "swap")
"""A swap exchanges two different bases, as the paper does; it counts as one edit."""

NUMBERS_OF_EDITS = (1, 5, 10)
PAIRS = 1000
"""Pairs of each kind and number, where the split has so many genes."""

TIE = 1e-6
"""Nats; scores are no more exact, so a smaller difference is none."""


@dataclass(frozen=True)
class EditedPairs:
    """Real genes and their copies with a number of edits of one kind.

    Attributes:
        kind: of `KINDS`.
        n_edits: edits of every copy.
        genes: position of each real gene in the split.
        real: the genes, letters.
        edited: their copies, in the same order.
    """

    kind: str
    n_edits: int
    genes: npt.NDArray[np.int64]
    real: tuple[str, ...]
    edited: tuple[str, ...]


def make_edited_pairs(sequences: Sequence[str], seed: int) -> list[EditedPairs]:
    """Make the pairs of the task.

    Genes are drawn without replacement from those with more than twice as many bases as the copy gets edits; the same
    genes, as far as they go, for every kind. The edits are at different places, each place equally likely. A gene that
    cannot be edited so (no two different bases to swap) is left out.

    Args:
        sequences: the genes of a split, letters.
        seed: of all draws.

    Returns:
        A set for every kind and number that at least one gene allows.
    """
    sets = []
    for n_edits in NUMBERS_OF_EDITS:
        for number, kind in enumerate(KINDS):
            order = np.random.default_rng([seed, n_edits]).permutation(len(sequences))
            generator = np.random.default_rng([seed, n_edits, number])
            pairs: list[tuple[int, str]] = []
            for gene in order.tolist():
                if len(pairs) == PAIRS:
                    break
                edited = _edited(sequences[gene], kind, n_edits, generator)
                if edited is not None:
                    pairs.append((gene, edited))
            if pairs:
                genes, copies = zip(*pairs, strict=True)
                real = tuple(sequences[gene] for gene in genes)
                sets.append(EditedPairs(kind, n_edits, np.array(genes), real, copies))
    return sets


def _edited(sequence: str, kind: str, n_edits: int, generator: np.random.Generator) -> str | None:
    letters = list(sequence)
    places = [place for place, letter in enumerate(letters) if letter in BASES]
    if len(places) <= 2 * n_edits:
        return None
    order = generator.permutation(places).tolist()
    if kind == "swap":
        for _ in range(n_edits):
            one = order.pop()
            other = next((place for place in order if letters[place] != letters[one]), None)
            if other is None:
                return None
            order.remove(other)
            letters[one], letters[other] = letters[other], letters[one]
        return "".join(letters)
    for place in order[:n_edits]:
        if kind == "substitution":
            letters[place] = BASES[(BASES.index(letters[place]) + int(generator.integers(1, 4))) % 4]
        elif kind == "insertion":
            letters[place] += BASES[int(generator.integers(4))]
        else:
            letters[place] = ""
    return "".join(letters)


def log_odds(scores: GeneScores) -> npt.NDArray[np.float64]:
    """Give how much better than uniform bases each sequence is predicted, in nats, shape `[n_genes]`."""
    return scores.n_bases * math.log(4) - scores.base_nats


def accuracy(differences: npt.NDArray[np.float64]) -> float:
    """Give the share of pairs whose real gene scores more; a tie is half.

    Args:
        differences: score of the real gene less that of its copy, shape `[n_pairs]`.
    """
    return float(np.mean(_credit(differences)))


def auroc(differences: npt.NDArray[np.float64]) -> float:
    """Give the area under the ROC curve of telling which of two sequences is the real one by how far they differ.

    That is the chance that the difference of one pair, taken the right way round, is more than that of another pair
    taken the wrong way round; equal ones count a half.

    Args:
        differences: score of the real gene less that of its copy, shape `[n_pairs]`.
    """
    known = np.nan_to_num(np.where(np.abs(differences) < TIE, 0, differences))
    return roc_area(np.concatenate([known, -known]), np.arange(2 * len(known)) < len(known))


def _credit(differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    tied = np.isnan(differences) | (np.abs(differences) < TIE)  # two infinities differ by NaN
    return np.where(tied, 0.5, differences > 0)


def measure_edits(
    model: PreTrainedModel,
    pairs: Sequence[EditedPairs],
    *,
    familiarity: npt.NDArray[np.str_],
    clusters: npt.NDArray[np.str_],
    seed: int,
    max_positions: int = MAX_POSITIONS,
    cache: PartialResults | None = None,
) -> list[Measurement]:
    """Score the pairs and measure how well the model tells real genes.

    Args:
        model: any model the scorer takes.
        pairs: at least one set.
        familiarity: stratum of each gene of the split.
        clusters: cluster of each gene of the split.
        seed: of the bootstrap.
        max_positions: of one batch of the scorer, padding included.
        cache: as for `score_genes`.

    Returns:
        Accuracy and AUROC of the log-odds, and the accuracy of the paper's perplexity rule, over all pairs, by kind,
        by number of edits, by both, and by familiarity.

    Raises:
        InputError: no gene of the split can be edited, or a copy is too long for the model.
    """
    if not pairs:
        raise InputError("No gene of the split has enough bases to be edited; evaluate on longer genes.")
    sequences = list(dict.fromkeys(sequence for made in pairs for sequence in (*made.real, *made.edited)))
    scores = score_genes(model, sequences, max_positions=max_positions, description=TASK, cache=cache)
    index = {sequence: i for i, sequence in enumerate(sequences)}
    real = np.array([index[sequence] for made in pairs for sequence in made.real])
    edited = np.array([index[sequence] for made in pairs for sequence in made.edited])
    with np.errstate(invalid="ignore"):
        differences = log_odds(scores)[real] - log_odds(scores)[edited]
        means = scores.base_nats / scores.n_bases
        by_means = means[edited] - means[real]
    genes = np.concatenate([made.genes for made in pairs])
    kinds = np.repeat([made.kind for made in pairs], [len(made.real) for made in pairs])
    numbers = np.repeat([made.n_edits for made in pairs], [len(made.real) for made in pairs]).astype(np.str_)
    both = np.array([f"{kind}, K = {number}" for kind, number in zip(kinds, numbers, strict=True)])
    measurements = []
    for group, labels, order in (
        (ALL, np.full(len(genes), ALL), [ALL]),
        ("kind", kinds, list(KINDS)),
        ("edits", numbers, [str(number) for number in NUMBERS_OF_EDITS]),
        ("kind and edits", both, list(dict.fromkeys(both.tolist()))),
        ("familiarity", familiarity[genes], list(STRATA)),
    ):
        for stratum in order:
            chosen = labels == stratum
            if not chosen.any():
                continue
            told, names = differences[chosen], clusters[genes[chosen]]
            ones = np.ones(len(told))
            for metric, value, interval in (
                ("accuracy", accuracy(told), ratio_interval(_credit(told), ones, clusters=names, seed=seed)),
                ("auroc", auroc(told), _auroc_interval(told, names, seed)),
                (
                    "accuracy_perplexity_rule",
                    accuracy(by_means[chosen]),
                    ratio_interval(_credit(by_means[chosen]), ones, clusters=names, seed=seed),
                ),
            ):
                measurements.append(
                    Measurement(
                        task=TASK,
                        task_version=TASK_VERSION,
                        convention="genelm",
                        metric=metric,
                        units="",
                        group=group,
                        stratum=stratum,
                        value=value,
                        confidence_interval=interval,
                        n_genes=int(chosen.sum()),
                        n_bases=int(scores.n_bases[real[chosen]].sum()),
                    )
                )
    return measurements


def _auroc_interval(
    differences: npt.NDArray[np.float64], clusters: npt.NDArray[np.str_], seed: int
) -> tuple[float, float] | None:
    return statistic_interval(lambda drawn: auroc(differences[drawn]), len(differences), clusters=clusters, seed=seed)
