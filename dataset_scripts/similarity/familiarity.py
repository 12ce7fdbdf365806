"""Familiarity: k-mer containment in the training set, which tells how much of a gene was there to be memorised.

The familiarity of a gene is the share of its 24-mers that occur in the training genes. Genes come in families, so a
corpus perplexity is mostly recall of relatives seen in training. The strata of this module keep that apart from what a
model knows about DNA in general.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from .canonical_kmers import Kmers, canonical_kmers

WORD_LENGTH = 24
"""Bases of a k-mer: long enough that a 24-mer is hardly met twice by chance (4^24 = 2.8e14)."""

NOVEL, PARTLY_FAMILIAR, FAMILIAR = STRATA = ("novel", "partly familiar", "familiar")
"""Strata of familiarity: share 0; above 0 and at most one half; above one half."""

PASS_BASES = 1 << 24
"""Training bases whose 24-mers are held at once, 128 MB; more of them are gone through in several passes."""


def shared_fractions(sequences: Collection[str], training_sequences: Collection[str]) -> npt.NDArray[np.float64]:
    """Return the share of each sequence's 24-mers that occur in the training sequences, on either strand.

    Args:
        sequences: the genes to look at, letters; they are gone through several times.
        training_sequences: the genes a model learned from, letters; they are gone through several times.

    Returns:
        Familiarity, from 0 to 1, shape `[len(sequences)]`. A 24-mer with a letter other than A, C, G, T does not
        count. A gene without any 24-mer, because it is shorter than that, has the share 0.
    """
    n_passes = 1 + sum(map(len, training_sequences)) // PASS_BASES
    n_kmers, n_shared = np.zeros(len(sequences)), np.zeros(len(sequences))
    for number in range(n_passes):
        known = _distinct(training_sequences, n_passes, number)
        for kmers, genes in canonical_kmers(sequences, WORD_LENGTH):
            inside = _pass_of(kmers, n_passes) == number
            kmers, genes = kmers[inside], genes[inside]
            n_kmers += np.bincount(genes, minlength=len(sequences))
            n_shared += np.bincount(genes[_is_in(kmers, known)], minlength=len(sequences))
    return n_shared / np.maximum(n_kmers, 1)


def familiarity_strata(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.str_]:
    """Return the stratum of each gene: `novel`, `partly familiar` or `familiar`.

    Args:
        shares: familiarity of each gene, from 0 to 1, shape `[n_genes]`.

    Returns:
        Names of `STRATA`, shape `[n_genes]`.
    """
    return np.select([shares == 0, shares <= 0.5], [NOVEL, PARTLY_FAMILIAR], default=FAMILIAR)


def _pass_of(kmers: Kmers, n_passes: int) -> npt.NDArray[np.uint64]:
    """Return the pass of each k-mer, by a hash that gives every pass about as many (Fibonacci hashing)."""
    return (kmers * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % np.uint64(n_passes)


def _distinct(sequences: Collection[str], n_passes: int, number: int) -> Kmers:
    """Return the different k-mers of one pass, ascending."""
    parts = [
        _sorted_set(kmers[_pass_of(kmers, n_passes) == number]) for kmers, _ in canonical_kmers(sequences, WORD_LENGTH)
    ]
    return _sorted_set(np.concatenate(parts)) if parts else np.array([], dtype=np.uint64)


def _sorted_set(kmers: Kmers) -> Kmers:
    """Return the different k-mers, ascending, in a tenth of the time of `numpy.unique` and its hash table."""
    ordered = np.sort(kmers)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]]


def _is_in(kmers: Kmers, known: Kmers) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(kmers), dtype=bool)
    # Looked up in ascending order, neighbours in memory: several times faster than in the order of the genes.
    order = np.argsort(kmers)
    found = np.empty(len(kmers), dtype=bool)
    slots = np.minimum(np.searchsorted(known, kmers[order]), len(known) - 1)
    found[order] = known[slots] == kmers[order]
    return found
