"""The task "edits": is a real gene better than a copy with edits of one kind?

The paper's task ("mutations") mixes kinds of edits, counts a tie as wrong, and compares means per symbol or else whole
sequences, which favors whatever is shorter. Here every kind and number of edits stands apart, a tie is half right, and
the score of a sequence is its log-odds against uniform bases in nats (see `log_odds`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from genelm.dataset_scripts import STRATA
from genelm.storage import InputError
from genelm.tokenization import BASES

from ..reporting import Panel, Section
from ..reporting.plots import label_positions, mark_guessing, plot_model
from ..reporting.tables import MODEL_COLUMN, Column, markdown_table, metric_column, strata_of
from ..results import ALL, Measurement, Results
from ..scoring import log_odds
from ..statistics import Interval, auroc, ratio_interval, statistic_interval
from .task import Task, TaskInput

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
        genes: index of each real gene in the split.
        real: the genes, letters.
        edited: their copies, in the same order.
    """

    kind: str
    n_edits: int
    genes: npt.NDArray[np.int64]
    real: tuple[str, ...]
    edited: tuple[str, ...]


def make_edited_pairs(sequences: Sequence[str], seed: int) -> list[EditedPairs]:
    """Return real genes and copies with edits.

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


def pair_accuracy(differences: npt.NDArray[np.float64]) -> float:
    """Return the share of pairs whose real gene scores more; a tie is half.

    Args:
        differences: score of the real gene less that of its copy, shape `[n_pairs]`.
    """
    return float(np.mean(_credit(differences)))


def pair_auroc(differences: npt.NDArray[np.float64]) -> float:
    """Return the area under the ROC curve of telling which of two sequences is the real one by how far they differ.

    That is the chance that the difference of one pair, taken the right way round, is more than that of another pair
    taken the wrong way round; equal ones count a half.

    Args:
        differences: score of the real gene less that of its copy, shape `[n_pairs]`.
    """
    known = np.nan_to_num(np.where(np.abs(differences) < TIE, 0, differences))
    return auroc(np.concatenate([known, -known]), np.arange(2 * len(known)) < len(known))


def _credit(differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    tied = np.isnan(differences) | (np.abs(differences) < TIE)  # two infinities differ by NaN
    return np.where(tied, 0.5, differences > 0)


class Edits(Task):
    """Pairwise accuracy and AUROC of telling real genes from copies with edits, by kind and number of edits.

    Version 2 of the paper's mutation task, under a name of its own.
    """

    name, version = "edits", 2
    summary = "whether a real gene scores more than a copy with edits of one kind"
    title = "Telling a gene from a copy with edits"
    counted = "Pairs"
    metric_names: ClassVar[Mapping[str, str]] = {
        "accuracy": "Pairwise accuracy, log-odds",
        "auroc": "AUROC of the difference in log-odds",
        "accuracy_perplexity_rule": "Pairwise accuracy, perplexity rule",
    }

    def __init__(self) -> None:
        self._pairs: list[EditedPairs] = []

    def check(self, given: TaskInput) -> None:
        """Make the pairs, and refuse copies that are too long for the model.

        Raises:
            InputError: no gene of the split can be edited, or a copy is too long.
        """
        super().check(given)
        self._pairs = make_edited_pairs(given.genes.sequences, given.seed)
        if not self._pairs:
            raise InputError("No gene of the split has enough bases to be edited; evaluate on longer genes.")
        for made in self._pairs:
            ids = given.genes.ids[made.genes]
            given.check_lengths(made.edited, [f"{gene}, with {made.n_edits} edits ({made.kind})," for gene in ids])

    def measure(self, given: TaskInput) -> Iterator[Measurement]:
        """Yield what `measure_pairs` finds of the pairs of the split."""
        yield from self.measure_pairs(self._pairs, given)

    def measure_pairs(self, pairs: Sequence[EditedPairs], given: TaskInput) -> Iterator[Measurement]:
        """Score pairs and measure how well the model tells real genes.

        Args:
            pairs: at least one set.
            given: model, and the genes that the pairs were made of.

        Yields:
            Accuracy and AUROC of the log-odds, and the accuracy of the paper's perplexity rule, over all pairs, by
            kind, by number of edits, by both, and by familiarity.
        """
        sequences = list(dict.fromkeys(sequence for made in pairs for sequence in (*made.real, *made.edited)))
        scores = given.score(sequences, self.name)
        index = {sequence: i for i, sequence in enumerate(sequences)}
        real = np.array([index[sequence] for made in pairs for sequence in made.real])
        edited = np.array([index[sequence] for made in pairs for sequence in made.edited])
        with np.errstate(invalid="ignore"):
            differences = log_odds(scores)[real] - log_odds(scores)[edited]
            means = scores.base_nats / scores.n_bases
            of_means = means[edited] - means[real]
        genes = np.concatenate([made.genes for made in pairs])
        for group, stratum, chosen in _strata(pairs, given.genes.familiarity[genes]):
            names = given.genes.clusters[genes[chosen]]
            for metric, value, interval in _statistics(differences[chosen], of_means[chosen], names, given.seed):
                yield self.measurement(
                    metric,
                    value,
                    interval=interval,
                    group=group,
                    stratum=stratum,
                    n_genes=int(chosen.sum()),
                    n_bases=int(scores.n_bases[real[chosen]].sum()),
                )

    def conditions(self, results: Results) -> dict[str, str]:
        """Return the version of the task and the seed of the pairs."""
        return {**super().conditions(results), "seed": str(results.seed)}

    def columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return the accuracy by number of edits."""
        return [
            _column(f"pairwise accuracy (edits), K = {number}", group="edits", stratum=number)
            for number in _numbers(results)
        ]

    def panel(self, results: Sequence[Results]) -> Panel | None:
        """Return the accuracy over the number of edits."""
        caption = "pairwise accuracy of real genes against copies over the number of edits"
        return Panel(caption, _plot_accuracy) if _numbers(results) else None

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return accuracy by kind, number and familiarity, AUROC and the perplexity rule."""
        strata = dict.fromkeys(
            (row.group, row.stratum)
            for one in results
            for row in one.of(self.name)
            if row.metric == "accuracy" and row.group not in (ALL, "kind and edits")
        )
        columns = [
            _column(f"K = {name}" if group == "edits" else name, group=group, stratum=name) for group, name in strata
        ]
        table = markdown_table(
            results,
            [
                MODEL_COLUMN,
                _column("all"),
                *columns,
                metric_column("AUROC", task=self.name, metric="auroc"),
                metric_column("perplexity rule", task=self.name, metric="accuracy_perplexity_rule"),
            ],
        )
        said = (
            "Pairwise accuracy: the share of pairs whose real gene scores more than its copy with K edits of one "
            "kind; guessing gives 0.5, and a tie is half right. The score is the log-odds against uniform bases. "
            "AUROC: the same with how far the two differ. The perplexity rule compares means per base instead."
        )
        return [Section("Edits", [table, said])]

    def group_name(self, group: str, stratum: str) -> str:
        """Return the stratum, a number with its unit."""
        return f"{stratum} edit{'s' * (stratum != '1')}" if group == "edits" else stratum


def _strata(
    pairs: Sequence[EditedPairs], familiarity: npt.NDArray[np.str_]
) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Yield group and name of each stratum that has a pair, and which pairs are in it, shape `[n_pairs]`."""
    sizes = [len(made.real) for made in pairs]
    kinds = np.repeat([made.kind for made in pairs], sizes)
    numbers = np.repeat([made.n_edits for made in pairs], sizes).astype(np.str_)
    both = np.array([f"{kind}, K = {number}" for kind, number in zip(kinds, numbers, strict=True)])
    for group, labels, order in (
        (ALL, np.full(len(kinds), ALL), [ALL]),
        ("kind", kinds, list(KINDS)),
        ("edits", numbers, [str(number) for number in NUMBERS_OF_EDITS]),
        ("kind and edits", both, list(dict.fromkeys(both.tolist()))),
        ("familiarity", familiarity, list(STRATA)),
    ):
        for stratum in order:
            chosen = labels == stratum
            if chosen.any():
                yield group, stratum, chosen


def _statistics(
    differences: npt.NDArray[np.float64], of_means: npt.NDArray[np.float64], clusters: npt.NDArray[np.str_], seed: int
) -> Iterator[tuple[str, float, Interval | None]]:
    """Yield name, value and interval of each metric over some pairs."""
    ones = np.ones(len(differences))
    for metric, values in (("accuracy", differences), ("accuracy_perplexity_rule", of_means)):
        interval = ratio_interval(_credit(values), ones, clusters=clusters, seed=seed)
        yield metric, pair_accuracy(values), interval
        if metric == "accuracy":
            drawn_auroc = statistic_interval(
                lambda drawn: pair_auroc(differences[drawn]), len(differences), clusters=clusters, seed=seed
            )
            yield "auroc", pair_auroc(differences), drawn_auroc


def _column(title: str, **labels: str) -> Column[Results]:
    return metric_column(title, task=Edits.name, metric="accuracy", **labels)


def _numbers(results: Sequence[Results]) -> list[str]:
    """Return every number of edits in some results, in order."""
    return sorted(strata_of(results, Edits.name, "edits"), key=int)


def _plot_accuracy(axes: Axes, results: Sequence[Results]) -> None:
    numbers = _numbers(results)
    for number, one in enumerate(results):
        rows = [one.find(task=Edits.name, metric="accuracy", group="edits", stratum=k) for k in numbers]
        plot_model(axes, rows, number, len(results), one.model.name, linestyle="-")
    mark_guessing(axes, 0.5, "guessing")
    axes.set_title("Pairwise accuracy on edits (more is better)")
    label_positions(axes, numbers, "edits in the copy, K")
