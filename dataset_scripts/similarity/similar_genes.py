"""Which genes are similar, on either strand, and the clusters that similar genes form."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genelm.storage import progress_bar

from .kmer_search import search_with_kmers, similar_to_reference
from .mmseqs2_search import CLOSING_MIN_SCORE, CLOSING_SEED_LENGTHS, find_hits, search_with_mmseqs2

METHODS = ("kmers", "mmseqs2", "both")
"""What finds the pairs; `both` finds them with k-mers, and MMseqs2 looks over the split that comes of it."""

Pairs = npt.NDArray[np.int64]
"""Positions of the two genes of each pair, shape `[n_pairs, 2]`."""


def similar_pairs(sequences: Collection[str], *, identity: float, coverage: float, method: str, threads: int) -> Pairs:
    """Return the pairs of genes that align with at least `identity` over at least `coverage` of either gene.

    Either search looks for seeds first and aligns there; both can miss a pair near the threshold, and neither sees
    genes too short for a seed.

    Args:
        sequences: genes, upper case; they are gone through several times.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        method: of `METHODS`.
        threads: processor cores; the pairs do not depend on them.

    Returns:
        Positions of the genes of each pair, the smaller first, in ascending order, shape `[n_pairs, 2]`.

    Raises:
        InputError: there are too many letters for the k-mer search; or MMseqs2 is asked for but not installed, or
            fails.
    """
    if len(sequences) < 2:
        return np.empty((0, 2), dtype=np.int64)
    if method == "mmseqs2":
        codes = search_with_mmseqs2(sequences, identity, coverage, threads)
    else:
        codes = search_with_kmers(sequences, identity, coverage, threads)
    return np.stack(np.divmod(codes, len(sequences)), axis=1)


def similar_to_evaluation(
    evaluation: Collection[str],
    training: Collection[str],
    *,
    identity: float,
    coverage: float,
    method: str,
    threads: int,
) -> npt.NDArray[np.bool_]:
    """Return which training genes are similar to an evaluation gene, by a closer look with shorter seeds.

    No two searches find the same pairs near the threshold: `kmers` looks with the k-mer search alone, the other
    methods with both.

    Args:
        evaluation: genes, upper case; they are gone through several times.
        training: genes, upper case; they are gone through several times.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        method: of `METHODS`.
        threads: processor cores; the result does not depend on them.

    Returns:
        Whether each training gene is, shape `[len(training)]`.

    Raises:
        InputError: there are too many letters; or MMseqs2 is asked for but not installed, or fails.
    """
    similar = similar_to_reference(training, evaluation, identity, coverage, threads)
    if method != "kmers":
        for seed_length in progress_bar(CLOSING_SEED_LENGTHS, "similar genes, by MMseqs2", unit=" searches", delay=2):
            for _, found in find_hits(
                evaluation, training, identity, coverage, threads, seed_length, CLOSING_MIN_SCORE
            ):
                similar[found] = True
    return similar


def cluster_labels(n_genes: int, pairs: Pairs) -> npt.NDArray[np.int64]:
    """Return the clusters: genes that are linked by pairs, directly or through others, are in one.

    Args:
        n_genes: number of genes.
        pairs: positions of paired genes, shape `[n_pairs, 2]`.

    Returns:
        The cluster of each gene, shape `[n_genes]`, numbered in the order of their first genes.
    """
    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n_genes, n_genes))
    _, labels = connected_components(links, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
