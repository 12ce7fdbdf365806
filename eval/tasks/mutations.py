"""The task "mutations", the paper's: is a real gene more likely than a copy with a few random edits?

Two rules of decision: by the mean per symbol ("perplexity rule") and by the probability of the whole sequence
("probability rule"), which favors whatever is shorter. A tie is wrong: a model that cannot tell is not right.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from transformers import PretrainedConfig

from genelm.storage import InputError

from ..reporting import Panel, Section
from ..reporting.plots import label_positions, mark_guessing, plot_model
from ..reporting.tables import Column, metric_column, render_lines, strata_of
from ..results import Measurement, Results
from ..scoring import GeneScores
from ..statistics import ratio_interval
from .mutation_pairs import PairSet, read_pairs
from .paper import nats_and_symbols
from .task import Task, TaskInput

_CONVENTIONS = {"genelm": "ours", "paper": "the paper's"}
_RULES = {"accuracy_perplexity_rule": "perplexity rule", "accuracy_probability_rule": "probability rule"}


def real_preferred(real: npt.ArrayLike, mutated: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return for each pair whether the real gene costs strictly less; a tie, infinities included, is not preferred.

    Args:
        real: cost of each real gene in nats, or in nats a symbol, shape `[n_pairs]`.
        mutated: cost of its copy in the same unit, shape `[n_pairs]`.
    """
    return np.less(real, mutated)


def mutation_accuracy(real: npt.ArrayLike, mutated: npt.ArrayLike) -> float:
    """Return the share of pairs whose real gene costs strictly less: the one definition.

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
    """Return every sequence of the pairs once -> file, pair and side where it first stands."""
    names: dict[str, str] = {}
    for pairs in pair_sets:
        for row, (real, mutated) in enumerate(zip(pairs.real, pairs.mutated, strict=True), start=1):
            names.setdefault(real, f"{pairs.name}, pair {row}, real")
            names.setdefault(mutated, f"{pairs.name}, pair {row}, mutated")
    return names


class Mutations(Task):
    """Accuracy of preferring real genes to the copies in the files that the paper released.

    A sequence that occurs in several pairs is scored once, so identical sequences tie exactly.
    """

    name, version = "mutations", 1
    summary = "the paper's task, on its pairs (--pairs)"
    title = "Telling a gene from its mutated copy, as in the paper"
    counted = "Pairs"
    metric_names: ClassVar[Mapping[str, str]] = {
        "accuracy_perplexity_rule": "Pairwise accuracy, perplexity rule",
        "accuracy_probability_rule": "Pairwise accuracy, probability rule",
    }
    headline_groups = (*Task.headline_groups, "max_edits")

    def __init__(self, pairs: Sequence[Path] = ()) -> None:
        """Return the name of the pairs.

        Args:
            pairs: files, or folders of them, as `read_pairs` takes them.
        """
        self._files = pairs
        self._sets: list[PairSet] = []

    def check(self, given: TaskInput) -> None:
        """Read the pairs, and refuse what cannot be scored; pairs of equal sequences are noted.

        Raises:
            InputError: no file is given, one cannot be read, or a sequence is too long for the model.
        """
        super().check(given)
        if not self._files:
            raise InputError(f"The task {self.name} is on the paper's pairs; give their files, or ask for edits.")
        self._sets = read_pairs(self._files)
        names = pair_sequences(self._sets)
        given.check_lengths(list(names), list(names.values()))
        equal = sum(real == copy for pairs in self._sets for real, copy in zip(pairs.real, pairs.mutated, strict=True))
        if equal:
            given.notes.append(f"Pairs that hold the same sequence twice, and so count as not found: {equal:,}.")

    def measure(self, given: TaskInput) -> Iterator[Measurement]:
        """Yield what `measure_pairs` finds of the pairs of the files."""
        yield from self.measure_pairs(self._sets, given)

    def measure_pairs(self, pair_sets: Sequence[PairSet], given: TaskInput) -> Iterator[Measurement]:
        """Score pairs and measure how often the real gene is preferred.

        Args:
            pair_sets: at least one.
            given: model and genes; a real gene that is not among them is a cluster of its own.

        Yields:
            Accuracy by both rules and in both conventions, for each set (group `pairs`) and for all pairs of the sets
            with the same K together (group `max_edits`).

        Raises:
            InputError: a sequence has no base, or is too long for the model.
        """
        names = pair_sequences(pair_sets)
        sequences = list(names)
        scores = given.score(sequences, self.name, names=list(names.values()))
        if not scores.n_bases.all():
            without = names[sequences[int(np.argmin(scores.n_bases))]]
            raise InputError(f"{without}, has no A, C, G or T, so nothing can be scored; take the pair out.")
        known = dict(zip(given.genes.sequences, given.genes.clusters.tolist(), strict=True))
        clusters = np.array([known.get(sequence, sequence) for sequence in sequences])
        yield from self._measure_scored(pair_sets, sequences, scores, given.model.config, clusters, given.seed)

    def _measure_scored(
        self,
        pair_sets: Sequence[PairSet],
        sequences: Sequence[str],
        scores: GeneScores,
        config: PretrainedConfig,
        clusters: npt.NDArray[np.str_],
        seed: int,
    ) -> Iterator[Measurement]:
        """Turn the scores of all sequences of the pairs, and their clusters, into measurements."""
        index = {sequence: i for i, sequence in enumerate(sequences)}
        sides = [
            (np.array([index[gene] for gene in pairs.real]), np.array([index[copy] for copy in pairs.mutated]))
            for pairs in pair_sets
        ]
        groups = [("pairs", pairs.name, [i]) for i, pairs in enumerate(pair_sets)]
        for k in sorted({pairs.max_edits for pairs in pair_sets}):
            groups.append(("max_edits", str(k), [i for i, pairs in enumerate(pair_sets) if pairs.max_edits == k]))
        costs = list(_costs(scores, config))
        for group, stratum, members in groups:
            real, mutated = (np.concatenate([sides[i][side] for i in members]) for side in (0, 1))
            for convention, metric, cost in costs:
                right = real_preferred(cost[real], cost[mutated])
                yield self.measurement(
                    metric,
                    mutation_accuracy(cost[real], cost[mutated]),
                    interval=ratio_interval(right, np.ones(len(right)), clusters=clusters[real], seed=seed),
                    group=group,
                    stratum=stratum,
                    convention=convention,
                    n_genes=len(real),
                    n_bases=int(scores.n_bases[real].sum()),
                )

    def conditions(self, results: Results) -> dict[str, str]:
        """Return the version of the task and the sets of pairs."""
        return {**super().conditions(results), "mutation pairs": _describe_sets(results)}

    def columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return the accuracy by the perplexity rule for each K."""
        return _columns(results, "genelm", "accuracy_perplexity_rule", "pairwise accuracy (mutations), K = {}")

    def paper_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return the accuracy by the perplexity rule for each K in the paper's convention."""
        return _columns(results, "paper", "accuracy_perplexity_rule", "pairwise accuracy (mutations), K = {}")

    def panel(self, results: Sequence[Results]) -> Panel | None:
        """Return the accuracy over the most edits of a copy."""
        caption = "pairwise accuracy of real genes against the paper's mutated copies over the most edits"
        return Panel(caption, _plot_accuracy) if _limits(results) else None

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return accuracy by both rules and in both conventions, one row a model, convention and rule."""
        lines = [["model", "convention", "rule", *(f"K = {k}" for k in _limits(results))]]
        for one in results:
            for convention, convention_name in _CONVENTIONS.items():
                for metric, rule in _RULES.items():
                    cells = [cell(one) for _, cell in _columns(results, convention, metric, "")]
                    lines.append([one.model.name, convention_name, rule, *cells])
        said = (
            "Pairwise accuracy: the share of pairs whose real gene costs less than its mutated copy; guessing gives "
            "0.5, and a tie is wrong. The perplexity rule compares means per symbol, the probability rule whole "
            "sequences."
        )
        return [
            Section(
                "Mutations, the paper's task",
                [render_lines(lines, n_text_columns=3), said, f"The pairs are {_describe_sets(results[0])}."],
            )
        ]

    def group_name(self, group: str, stratum: str) -> str:
        """Return the stratum, K with what it is."""
        return f"at most {stratum} changes" if group == "max_edits" else stratum


def _costs(scores: GeneScores, config: PretrainedConfig) -> Iterator[tuple[str, str, npt.NDArray[np.float64]]]:
    """Yield convention, metric and what each sequence costs by it, for both conventions and both rules."""
    yield "genelm", "accuracy_perplexity_rule", scores.base_nats / scores.n_bases
    yield "genelm", "accuracy_probability_rule", scores.base_nats + scores.eos_nats
    nats, symbols = nats_and_symbols(scores, config)
    yield "paper", "accuracy_perplexity_rule", nats / symbols
    yield "paper", "accuracy_probability_rule", nats


def _columns(results: Sequence[Results], convention: str, metric: str, title: str) -> list[Column[Results]]:
    """Return a column for every K."""
    labels = {"task": Mutations.name, "metric": metric, "convention": convention, "group": "max_edits"}
    return [metric_column(title.format(k), stratum=k, **labels) for k in _limits(results)]


def _limits(results: Sequence[Results]) -> list[str]:
    """Return every K in some results, in order."""
    return sorted(strata_of(results, Mutations.name, "max_edits"), key=int)


def _describe_sets(results: Results) -> str:
    """Return the name of the sets of pairs with their size, by which two models are known to have had the same."""
    sets = [
        f"{row.stratum} ({row.n_genes:,} pairs, {row.n_bases:,} bases)"
        for row in results.of(Mutations.name)
        if row.group == "pairs"
    ]
    return ", ".join(dict.fromkeys(sets))


def _plot_accuracy(axes: Axes, results: Sequence[Results]) -> None:
    limits = _limits(results)
    labels = {"task": Mutations.name, "metric": "accuracy_perplexity_rule", "group": "max_edits"}
    for number, one in enumerate(results):
        rows = [one.find(stratum=k, **labels) for k in limits]
        plot_model(axes, rows, number, len(results), one.model.name, linestyle="-")
    mark_guessing(axes, 0.5, "guessing")
    axes.set_title("Pairwise accuracy, the paper's pairs (more is better)")
    label_positions(axes, limits, "most edits in the copy, K")
