"""The task "generation": are generated genes like real ones that the model has not seen, or copies of its training?

Each value is made for three sources of equally many genes. Beside the generated genes stand held-out genes, which are
what a perfect model would generate, and the same genes with their letters shuffled, which keep length and composition
and nothing else. Distances are to the other half of the held-out genes, the reference set. What depends on the amount
of text (k-mer spectra, distinct 12-mers) is over equally many k-mers of every source.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import wasserstein_distance

from genelm.dataset_scripts import WORD_LENGTH, shared_fractions, similar_to_reference
from genelm.plotting import GRAY
from genelm.storage import InputError
from genelm.tokenization import NO_BASE, ConcatenatedSequences, Integers, concatenate_sequences, kmers

from ..reporting import Plot, Section
from ..reporting.plots import color_of, grid, saved_figure
from ..reporting.tables import Column, metric_column, render_lines
from ..results import Measurement, Results
from ..scoring import sample_genes
from ..sequences import codon_counts, longest_homopolymers, longest_matches, longest_reading_frames
from ..statistics import Clusters, Interval, jensen_shannon, ratio_interval
from .task import EvaluatedGenes, Task, TaskInput

GENERATED, HELD_OUT, SHUFFLED = SOURCES = ("written", "held-out genes", "shuffled genes")
"""As results files name them."""

NUM_GENES = 500
"""Genes that a model generates, each at most as long as the longest of the split."""

SPECTRA = range(1, 9)
"""Lengths of the k-mers whose frequencies are compared."""

DIVERSITY_LENGTH = 12
"""4^12 = 17 million, more than the 12-mers of thousands of genes: most need not come twice."""

MIN_HELD_OUT = 4

_HEADLINE_METRICS = ("ended", "length_mean", "jensen_shannon_6", "in_training_24_mers", "similar_to_training")

NamedValue = tuple[str, str, float, Interval | None]  # metric, units, value, interval


class Generation(Task):
    """Structure, k-mer spectra and novelty of generated genes, beside held-out and shuffled ones."""

    name, version = "generation", 1
    summary = "whether generated genes are like real ones, and whether they are copies"
    title = "Generated sequences"
    needs_network = True

    def check(self, given: TaskInput) -> None:
        """Refuse a split with too few genes to compare with.

        Raises:
            InputError: there are fewer than `MIN_HELD_OUT`, or the model cannot generate.
        """
        super().check(given)
        if len(given.genes.ids) < MIN_HELD_OUT:
            raise InputError(
                f"Generated genes are measured against at least {MIN_HELD_OUT} held-out genes, but the split has "
                f"{len(given.genes.ids)}; evaluate on a larger one."
            )

    def measure(self, given: TaskInput) -> Iterator[Measurement]:
        """Let the model generate genes, and yield what `measure_genes` finds of them."""
        generated = sample_genes(
            given.model,
            num=NUM_GENES,
            longest=max(given.genes.lengths),
            seed=given.seed,
            description=self.name,
            cache=given.cache,
        )
        yield from self.measure_genes(
            [sequence for sequence, _ in generated],
            [ended for _, ended in generated],
            held_out=given.genes,
            training=given.training,
            identity=given.similarity["identity"],
            coverage=given.similarity["coverage"],
            seed=given.seed,
        )

    def measure_genes(
        self,
        generated: Sequence[str],
        ended: Sequence[bool],
        *,
        held_out: EvaluatedGenes,
        training: Sequence[str],
        identity: float,
        coverage: float,
        seed: int,
    ) -> Iterator[Measurement]:
        """Measure generated genes against genes that the model has not seen.

        Half of the held-out genes, drawn at random and cluster by cluster, are the reference set; at most one cluster
        is in both halves. Of the other half and of the generated genes equally many are drawn, as many as the fewer of
        the two. The reference set of codon usage is the protein-coding genes in it.

        Args:
            generated: genes that a model generated, letters.
            ended: whether the model ended each itself.
            held_out: genes of an evaluation split, at least `MIN_HELD_OUT`.
            training: the genes the model learned from, letters.
            identity: share of equal bases from which genes are similar, as the dataset has it.
            coverage: share of either gene that has to be aligned for that, as the dataset has it.
            seed: of the draws, the shuffling and the bootstrap.

        Yields:
            Every value for each of `SOURCES`; `ended` for the generated genes alone. What a source, or the reference
            set, has not enough letters for is left out.

        Raises:
            InputError: nothing was generated.
        """
        if not any(generated):
            raise InputError("The model generated no letter, so there is nothing to measure; generate more genes.")
        half = len(held_out.ids) // 2
        drawn = _draw_by_cluster(held_out.clusters, half, seed)
        chosen = np.random.default_rng([seed, 1]).permutation(len(generated))[:half].tolist()
        compared, others = drawn[: len(chosen)], drawn[half:]
        beside = [held_out.sequences[i] for i in compared]
        shuffling = np.random.default_rng([seed, 2])
        shuffled = ["".join(shuffling.permutation(list(gene)).tolist()) for gene in beside]
        everything = [*(generated[i] for i in chosen), *beside, *shuffled]
        shares, matches = shared_fractions(everything, training), longest_matches(everything, training)
        similar = similar_to_reference(everything, training, identity, coverage, os.cpu_count() or 1)
        members = {source: slice(i * len(chosen), (i + 1) * len(chosen)) for i, source in enumerate(SOURCES)}
        genes = {source: concatenate_sequences(everything[part]) for source, part in members.items()}
        reference = concatenate_sequences([held_out.sequences[i] for i in others])
        coding = [i for i in others if held_out.types[i] == "PROTEIN_CODING"]
        coding_reference = concatenate_sequences([held_out.sequences[i] for i in coding])
        found: dict[str, list[NamedValue]] = {source: [] for source in SOURCES}
        found[GENERATED].append(_mean("ended", "", [ended[i] for i in chosen], None, seed))
        for source, part in members.items():
            clusters = None if source == GENERATED else held_out.clusters[compared]
            found[source] += _structure(genes[source], reference, coding_reference, clusters, seed)
            found[source] += _novelty(shares[part], matches[part], similar[part], clusters, seed)
        for k in (*SPECTRA, DIVERSITY_LENGTH):
            for source, numbers in _equally_many(genes, k).items():
                found[source] += _diversity(numbers) if k == DIVERSITY_LENGTH else _spectrum(numbers, reference, k)
        for source in SOURCES:
            for metric, units, value, interval in found[source]:
                yield self.measurement(
                    metric,
                    value,
                    units=units,
                    interval=interval,
                    group="source",
                    stratum=source,
                    n_genes=len(chosen),
                    n_bases=int((genes[source].codes != NO_BASE).sum()),
                )

    def conditions(self, results: Results) -> dict[str, str]:
        """Return the version of the task and the seed of all that is drawn."""
        return {**super().conditions(results), "seed": str(results.seed)}

    def headline_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return a few values of the generated genes."""
        return [
            metric_column(f"generated: {title}", task=self.name, metric=metric, group="source", stratum=GENERATED)
            for metric, title in _titles(results).items()
            if metric in _HEADLINE_METRICS
        ]

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return what each model generated, and below what held-out and shuffled genes have there."""
        titles = _titles(results)
        lines = [["", *titles.values()]]
        for one in results:
            for source in dict.fromkeys(row.stratum for row in one.of(self.name)):
                cells = [
                    metric_column("", task=self.name, metric=metric, group="source", stratum=source)[1](one)
                    for metric in titles
                ]
                lines.append([f"{one.model.name}: {self.group_name('source', source)}", *cells])
        plot = Plot(
            "spectra",
            "Jensen-Shannon divergence of k-mer spectra over k: generated, held-out and shuffled genes",
            lambda paths: _plot_spectra(results, paths),
        )
        said = (
            "Each model's genes, beside as many held-out genes (what a perfect model would generate) and the same "
            "with their letters shuffled. Divergences and distances are to other held-out genes, less is better; the "
            "longest match and the share of 24-mers in the training genes, on either strand, show copying."
        )
        return [Section(self.title, [plot, render_lines([list(row) for row in zip(*lines, strict=True)]), said])]

    def group_name(self, group: str, stratum: str) -> str:
        """Return the source of the genes."""
        return "generated" if stratum == GENERATED else stratum


def _draw_by_cluster(clusters: npt.NDArray[np.str_], half: int, seed: int) -> list[int]:
    """Return all genes in a random order of clusters, the first half of them once more in a random order."""
    _, of_cluster = np.unique(clusters, return_inverse=True)
    draw = np.random.default_rng([seed, 0])
    by_cluster = np.argsort(draw.permutation(of_cluster.max() + 1)[of_cluster], kind="stable")
    return [*draw.permutation(by_cluster[:half]).tolist(), *by_cluster[half:].tolist()]


def _titles(results: Sequence[Results]) -> dict[str, str]:
    """Return the metrics in some results, and what tables call them, units included."""
    rows = [row for one in results for row in one.of(Generation.name)]
    return {row.metric: f"{row.metric}, {row.units}" if row.units else row.metric for row in rows}


def _plot_spectra(results: Sequence[Results], paths: Sequence[Path]) -> None:
    """Plot how far the k-mers of generated genes are from those of held-out genes, over k."""
    lines = [(one, GENERATED, one.model.name) for one in results]
    lines += [(results[0], source, source) for source in (HELD_OUT, SHUFFLED)]
    with saved_figure(paths, figsize=(7.5, 4.4)) as figure:
        axes = figure.subplots()
        for number, (one, source, name) in enumerate(lines):
            points = {
                int(row.metric.rpartition("_")[2]): row.value
                for row in one.of(Generation.name)
                if row.metric.startswith("jensen_shannon_") and row.stratum == source
            }
            is_reference = source != GENERATED
            axes.plot(list(points), list(points.values()), label=name,
                      marker="" if is_reference else "o", markersize=5,
                      color=GRAY if is_reference else color_of(number),
                      linestyle={HELD_OUT: "--", SHUFFLED: ":"}.get(source, "-"))  # fmt: skip
        axes.set_yscale("log")
        axes.set_xlabel("k")
        axes.set_title("Distance of k-mer spectra from real genes, bits (less is better)")
        grid(axes, "y")
        axes.legend(frameon=False)


def _structure(
    genes: ConcatenatedSequences,
    reference: ConcatenatedSequences,
    coding_reference: ConcatenatedSequences,
    clusters: Clusters,
    seed: int,
) -> Iterator[NamedValue]:
    singles, pairs = (np.bincount(kmers(genes, k), minlength=4**k).astype(np.float64) for k in (1, 2))
    if n_bases := singles.sum():
        n_strong, n_all = (
            np.bincount(genes.owners[chosen], minlength=len(genes.lengths))
            for chosen in (np.isin(genes.codes, (2, 3)), genes.codes != NO_BASE)
        )
        yield (
            "gc",
            "",
            float((singles[1] + singles[2]) / n_bases),
            ratio_interval(n_strong, n_all, clusters=clusters, seed=seed),
        )
    if expected := singles[1] * singles[2] * pairs.sum():
        yield "cpg", "", float(pairs[1 * 4 + 2] * n_bases**2 / expected), None
    homopolymers, others = longest_homopolymers(genes), longest_homopolymers(reference)
    yield _mean("length_mean", "bases/gene", genes.lengths, clusters, seed)
    yield "length_distance", "bases", float(wasserstein_distance(genes.lengths, reference.lengths)), None
    yield _mean("longest_homopolymer_mean", "bases", homopolymers, clusters, seed)
    yield "homopolymer_distance", "bases", float(wasserstein_distance(homopolymers, others)), None
    shares = longest_reading_frames(genes)[1] / np.maximum(genes.lengths, 1)
    yield _mean("orf_mean", "", shares, clusters, seed)
    codons, coding_codons = codon_counts(genes), codon_counts(coding_reference)
    if codons.any() and coding_codons.any():
        yield "codon_distance", "bits", jensen_shannon(codons, coding_codons), None


def _novelty(
    shares: npt.NDArray[np.float64],
    matches: Integers,
    similar: npt.NDArray[np.bool_],
    clusters: Clusters,
    seed: int,
) -> Iterator[NamedValue]:
    yield _mean(f"in_training_{WORD_LENGTH}_mers", "", shares, clusters, seed)
    yield _mean("longest_match_mean", "bases", matches, clusters, seed)
    yield _mean("similar_to_training", "", similar, clusters, seed)
    yield "longest_match_max", "bases", float(matches.max()), None


def _spectrum(numbers: Integers, reference: ConcatenatedSequences, k: int) -> Iterator[NamedValue]:
    others = kmers(reference, k)
    if len(others):
        counts = (np.bincount(numbers, minlength=4**k), np.bincount(others, minlength=4**k))
        yield f"jensen_shannon_{k}", "bits", jensen_shannon(*counts), None


def _diversity(numbers: Integers) -> Iterator[NamedValue]:
    ordered = np.sort(numbers)
    changes = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    yield f"distinct_{DIVERSITY_LENGTH}_mers", "", float((changes[1:] & changes[:-1]).mean()), None


def _mean(metric: str, units: str, values: npt.ArrayLike, clusters: Clusters, seed: int) -> NamedValue:
    numbers = np.asarray(values, dtype=np.float64)
    return (
        metric,
        units,
        float(numbers.mean()),
        ratio_interval(numbers, np.ones(len(numbers)), clusters=clusters, seed=seed),
    )


def _equally_many(genes: dict[str, ConcatenatedSequences], k: int) -> dict[str, Integers]:
    """Return the first k-mers of every source, as many as that with the fewest has; one that has none is left out."""
    found = {source: numbers for source in genes if len(numbers := kmers(genes[source], k))}
    fewest = min(map(len, found.values()), default=0)
    return {source: numbers[:fewest] for source, numbers in found.items()}
