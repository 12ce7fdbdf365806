"""The task "generation": are the genes a model writes like real ones it has not seen, and does it copy its training?

Each figure is made for three sources of equally many genes. Beside the written genes stand held-out genes, which are
what a perfect model would write, and the same genes with their letters shuffled, which keep length and composition and
nothing else. Distances are to the other half of the held-out genes, the yardstick. What depends on the amount of text
(k-mer spectra, distinct 12-mers) is over equally many k-mers of every source.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr
from scipy.stats import wasserstein_distance

from genelm.dataset_scripts import WORD_LENGTH, shared_fractions, similar_to_reference
from genelm.storage import InputError

from .bootstrap import Clusters, Interval, ratio_interval
from .joined_genes import Integers, JoinedGenes, join_genes, kmers
from .longest_matches import longest_matches
from .results import Measurement

TASK, TASK_VERSION = "generation", 1

WRITTEN, HELD_OUT, SHUFFLED = SOURCES = ("written", "held-out genes", "shuffled genes")

SPECTRA = range(1, 9)
"""Lengths of the k-mers whose frequencies are compared."""

DIVERSITY_LENGTH = 12
"""4^12 = 17 million, more than the 12-mers of thousands of genes: most need not come twice."""

MIN_CODONS = 50
"""Start and stop included. Of coding genes up to 1,000 bases nearly all have such a reading frame, and a fifth of
shuffled genes; shorter ones are mostly chance and tell little of codon usage."""

MIN_HELD_OUT = 4

_Figure = tuple[str, str, float, Interval | None]  # metric, units, value, interval


def jensen_shannon(counts: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """Give the Jensen-Shannon divergence of two distributions.

    Args:
        counts: how often each thing was met, shape `[n_things]`, not all of them 0.
        others: likewise, of the other distribution.

    Returns:
        Bits, from 0 (equal) to 1 (nothing in common).

    Source: Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991), section IV.
    """
    one, other = (np.asarray(values, dtype=np.float64) / np.sum(values) for values in (counts, others))
    middle = (one + other) / 2
    return max(0.0, float((rel_entr(one, middle) + rel_entr(other, middle)).sum() / 2 / np.log(2)))


def kmer_divergence(sequences: Sequence[str], others: Sequence[str], k: int) -> float:
    """Give the Jensen-Shannon divergence of the k-mer frequencies of two sets of sequences.

    Args:
        sequences: letters.
        others: letters.
        k: bases of a k-mer.

    Returns:
        Bits, from 0 to 1.

    Raises:
        InputError: one of the sets has no k-mer.
    """
    spectra = [np.bincount(kmers(join_genes(genes), k), minlength=4**k) for genes in (sequences, others)]
    if not all(spectrum.any() for spectrum in spectra):
        raise InputError(f"K-mers of {k} bases need sequences at least so long on both sides; give longer ones.")
    return jensen_shannon(*spectra)


def longest_homopolymers(genes: JoinedGenes) -> Integers:
    """Give the bases of the longest run of one base in each gene, shape `[n_genes]`; 0 where there is no base."""
    starts = np.flatnonzero(np.diff(genes.codes, prepend=0))
    sizes = np.where(genes.codes[starts] > 0, np.diff(starts, append=len(genes.codes)), 0)
    longest = np.zeros(len(genes.lengths), dtype=np.int64)
    np.maximum.at(longest, genes.owners[starts], sizes)
    return longest


def longest_reading_frames(genes: JoinedGenes) -> tuple[Integers, Integers]:
    """Find the longest open reading frame of each gene: ATG up to the first stop, in any frame of the given strand.

    A codon with a letter other than A, C, G, T, or the end of the gene, before the stop makes it none.

    Args:
        genes: any number of them.

    Returns:
        Where each begins in `genes.codes`, and its bases, start and stop codon included, both of shape `[n_genes]`;
        0 bases where a gene has none. Of equally long ones it is the first.
    """
    start, *stops = kmers(join_genes(["ATG", "TAA", "TAG", "TGA"]), 3).tolist()
    codons = np.full(len(genes.codes) + -len(genes.codes) % 3, -1)
    codons[np.flatnonzero(genes.runs >= 3)] = kmers(genes, 3)
    is_stop = np.isin(codons, stops)
    ends = np.where(is_stop | (codons < 0), np.arange(len(codons)), len(codons)).reshape(-1, 3)
    next_end = np.minimum.accumulate(ends[::-1])[::-1].ravel()
    starts = np.flatnonzero(codons == start)
    starts = starts[is_stop[next_end[starts]]]
    sizes, owners = next_end[starts] + 3 - starts, genes.owners[starts]
    order = np.lexsort([-sizes, owners])
    first = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
    begins, bases = np.zeros((2, len(genes.lengths)), dtype=np.int64)
    begins[owners[first]], bases[owners[first]] = starts[first], sizes[first]
    return begins, bases


def codon_counts(genes: JoinedGenes) -> Integers:
    """Count the codons but the stop of each gene's longest reading frame of at least `MIN_CODONS`, shape `[64]`."""
    begins, bases = longest_reading_frames(genes)
    begins, n_codons = begins[bases >= 3 * MIN_CODONS], bases[bases >= 3 * MIN_CODONS] // 3 - 1
    places = np.repeat(begins - 3 * (np.cumsum(n_codons) - n_codons), n_codons) + 3 * np.arange(n_codons.sum())
    numbers = (genes.codes[places[:, None] + np.arange(3)].astype(np.int64) - 1) @ [16, 4, 1]
    return np.bincount(numbers, minlength=64)


def measure_generation(
    written: Sequence[str],
    complete: Sequence[bool],
    *,
    held_out: Sequence[str],
    training: Sequence[str],
    coding: Sequence[bool],
    clusters: Sequence[str] | npt.NDArray[np.str_],
    identity: float,
    coverage: float,
    seed: int,
) -> list[Measurement]:
    """Measure what a model writes against genes it has not seen.

    Half of the held-out genes, drawn at random and cluster by cluster, are the yardstick; at most one cluster is in
    both halves. Of the other half and of the written genes equally many are drawn, as many as the fewer of the two.

    Args:
        written: genes a model wrote, letters.
        complete: whether the model ended each itself.
        held_out: genes of an evaluation split, letters.
        training: the genes the model learned from, letters.
        coding: whether each held-out gene codes for a protein; the yardstick of codon usage is made of these.
        clusters: the cluster of similar genes that each held-out gene is in.
        identity: share of equal bases from which genes are similar, as the dataset has it.
        coverage: share of either gene that has to be aligned for that, likewise.
        seed: of the draws, the shuffling and the bootstrap.

    Returns:
        Every figure for each of `SOURCES`; `ended` for the written genes alone. What a source, or the yardstick, has
        not enough letters for is left out.

    Raises:
        InputError: nothing was written, or there are too few held-out genes.
    """
    if not any(written):
        raise InputError("The model wrote no letter, so there is nothing to measure; let it write more genes.")
    if len(held_out) < MIN_HELD_OUT:
        raise InputError(
            f"Written genes are measured against at least {MIN_HELD_OUT} held-out genes, but the split has "
            f"{len(held_out)}; evaluate on a larger one."
        )
    half = len(held_out) // 2
    _, of_cluster = np.unique(np.asarray(clusters), return_inverse=True)
    draw = np.random.default_rng([seed, 0])
    by_cluster = np.argsort(draw.permutation(of_cluster.max() + 1)[of_cluster], kind="stable")
    drawn = [*draw.permutation(by_cluster[:half]).tolist(), *by_cluster[half:].tolist()]
    chosen = np.random.default_rng([seed, 1]).permutation(len(written))[:half].tolist()
    reference = [held_out[i] for i in drawn[: len(chosen)]]
    shuffling = np.random.default_rng([seed, 2])
    shuffled = ["".join(shuffling.permutation(list(gene)).tolist()) for gene in reference]
    everything = [*(written[i] for i in chosen), *reference, *shuffled]
    shares, matches = shared_fractions(everything, training), longest_matches(everything, training)
    similar = similar_to_reference(everything, training, identity, coverage, os.cpu_count() or 1)
    members = {source: slice(i * len(chosen), (i + 1) * len(chosen)) for i, source in enumerate(SOURCES)}
    genes = {source: join_genes(everything[part]) for source, part in members.items()}
    yardstick = join_genes([held_out[i] for i in drawn[half:]])
    coding_yardstick = join_genes([held_out[i] for i in drawn[half:] if coding[i]])
    figures: dict[str, list[_Figure]] = {source: [] for source in SOURCES}
    figures[WRITTEN].append(_mean("ended", "", [complete[i] for i in chosen], None, seed))
    of_reference = np.asarray(clusters, dtype=np.str_)[drawn[: len(chosen)]]
    for source, part in members.items():
        related = None if source == WRITTEN else of_reference
        figures[source] += _structure(genes[source], yardstick, coding_yardstick, related, seed)
        figures[source] += _novelty(shares[part], matches[part], similar[part], related, seed)
    for k in (*SPECTRA, DIVERSITY_LENGTH):
        for source, numbers in _equally_many(genes, k).items():
            figures[source] += _diversity(numbers) if k == DIVERSITY_LENGTH else _spectrum(numbers, yardstick, k)
    return [
        Measurement(
            task=TASK,
            task_version=TASK_VERSION,
            convention="genelm",
            metric=metric,
            units=units,
            group="source",
            stratum=source,
            value=value,
            confidence_interval=interval,
            n_genes=len(chosen),
            n_bases=int((genes[source].codes > 0).sum()),
        )
        for source in SOURCES
        for metric, units, value, interval in figures[source]
    ]


def _structure(
    genes: JoinedGenes, yardstick: JoinedGenes, coding_yardstick: JoinedGenes, clusters: Clusters, seed: int
) -> Iterator[_Figure]:
    singles, pairs = (np.bincount(kmers(genes, k), minlength=4**k).astype(np.float64) for k in (1, 2))
    if n_bases := singles.sum():
        n_strong, n_all = (
            np.bincount(genes.owners[chosen], minlength=len(genes.lengths))
            for chosen in (np.isin(genes.codes, (2, 3)), genes.codes > 0)
        )
        yield (
            "gc",
            "",
            float((singles[1] + singles[2]) / n_bases),
            ratio_interval(n_strong, n_all, clusters=clusters, seed=seed),
        )
    if expected := singles[1] * singles[2] * pairs.sum():
        yield "cpg", "", float(pairs[1 * 4 + 2] * n_bases**2 / expected), None
    homopolymers, others = longest_homopolymers(genes), longest_homopolymers(yardstick)
    yield _mean("length_mean", "bases/gene", genes.lengths, clusters, seed)
    yield "length_distance", "bases", float(wasserstein_distance(genes.lengths, yardstick.lengths)), None
    yield _mean("longest_homopolymer_mean", "bases", homopolymers, clusters, seed)
    yield "homopolymer_distance", "bases", float(wasserstein_distance(homopolymers, others)), None
    shares = longest_reading_frames(genes)[1] / np.maximum(genes.lengths, 1)
    yield _mean("orf_mean", "", shares, clusters, seed)
    codons, coding_codons = codon_counts(genes), codon_counts(coding_yardstick)
    if codons.any() and coding_codons.any():
        yield "codon_distance", "bits", jensen_shannon(codons, coding_codons), None


def _novelty(
    shares: npt.NDArray[np.float64],
    matches: Integers,
    similar: npt.NDArray[np.bool_],
    clusters: Clusters,
    seed: int,
) -> Iterator[_Figure]:
    yield _mean(f"in_training_{WORD_LENGTH}_mers", "", shares, clusters, seed)
    yield _mean("longest_match_mean", "bases", matches, clusters, seed)
    yield _mean("similar_to_training", "", similar, clusters, seed)
    yield "longest_match_max", "bases", float(matches.max()), None


def _spectrum(numbers: Integers, yardstick: JoinedGenes, k: int) -> Iterator[_Figure]:
    others = kmers(yardstick, k)
    if len(others):
        counts = (np.bincount(numbers, minlength=4**k), np.bincount(others, minlength=4**k))
        yield f"jensen_shannon_{k}", "bits", jensen_shannon(*counts), None


def _diversity(numbers: Integers) -> Iterator[_Figure]:
    ordered = np.sort(numbers)
    changes = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    yield f"distinct_{DIVERSITY_LENGTH}_mers", "", float((changes[1:] & changes[:-1]).mean()), None


def _mean(metric: str, units: str, values: npt.ArrayLike, clusters: Clusters, seed: int) -> _Figure:
    numbers = np.asarray(values, dtype=np.float64)
    return (
        metric,
        units,
        float(numbers.mean()),
        ratio_interval(numbers, np.ones(len(numbers)), clusters=clusters, seed=seed),
    )


def _equally_many(genes: dict[str, JoinedGenes], k: int) -> dict[str, Integers]:
    """Give the first k-mers of every source, as many as that with the fewest has; one that has none is left out."""
    found = {source: numbers for source in genes if len(numbers := kmers(genes[source], k))}
    fewest = min(map(len, found.values()), default=0)
    return {source: numbers[:fewest] for source, numbers in found.items()}
