"""Similar genes by alignment where they share k-mers that line up; what is compiled of it is `compiled_search`.

Two genes that share a stretch share k-mers at nearby differences of position (diagonals), on one strand. Every pair
that has a few in a band of diagonals is aligned there.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError, progress_bar
from genelm.tokenization import encode

from .compiled_search import index_kmers, similar_to_some

SEED_LENGTHS = (11, 13)
"""Bases of a k-mer, at least and at most: at an identity of 0.8, nine in a hundred k-mers of eleven bases stay whole.
In between it grows with the genes, so that a k-mer occurs at some positions by chance, not at hundreds."""

MAX_LETTERS = 1 << 32
"""Positions are numbered with 32 bits; the numbers and the letters take 9 bytes a letter in memory."""

_BLOCKS = 64
"""Blocks of queries, so that threads end together."""


def search_with_kmers(
    sequences: Collection[str], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.int64]:
    """Return the pairs of similar genes, of all genes with all genes.

    Args:
        sequences: genes, upper case; they are gone through twice.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        threads: processor cores.

    Returns:
        Each pair `i < j` as the number `i * len(sequences) + j`, ascending, shape `[n_pairs]`.

    Raises:
        InputError: the genes have too many letters.
    """
    none = np.zeros(0, dtype=bool)
    blocks = list(_similar([sequences], none, identity, coverage, threads, shorter_by=0))
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *blocks])
    return np.sort(pairs[:, 0] * len(sequences) + pairs[:, 1])


def similar_to_reference(
    sequences: Collection[str], reference: Collection[str], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.bool_]:
    """Return which genes are similar to one of some reference genes, by a closer look with k-mers shorter by a base.

    Args:
        sequences: genes, upper case; they are gone through twice.
        reference: genes, upper case; they are gone through twice.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        threads: processor cores.

    Returns:
        Whether each gene is, shape `[len(sequences)]`.

    Raises:
        InputError: the genes have too many letters.
    """
    is_reference = np.arange(len(sequences) + len(reference)) >= len(sequences)
    similar = np.zeros(len(is_reference), dtype=bool)
    for pairs in _similar((sequences, reference), is_reference, identity, coverage, threads, shorter_by=1):
        similar[pairs] = True
    return similar[: len(sequences)]


def _similar(
    collections: Sequence[Collection[str]],
    group: npt.NDArray[np.bool_],
    identity: float,
    coverage: float,
    threads: int,
    shorter_by: int,
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the similar pairs, the smaller position first, block by block; with groups, only the pairs across them."""
    lengths = np.fromiter(map(len, chain(*collections)), dtype=np.int64, count=sum(map(len, collections)))
    borders = np.concatenate([[0], np.cumsum(lengths)])
    if borders[-1] >= MAX_LETTERS:
        raise InputError(
            f"The search for similar genes by k-mers holds less than {MAX_LETTERS:,} letters, but there are "
            f"{borders[-1]:,}; leave it out with --cluster-with none, or use --cluster-with mmseqs2."
        )
    ids = np.empty(borders[-1], dtype=np.uint8)
    for sequence, start, end in zip(chain(*collections), borders[:-1], borders[1:], strict=True):
        ids[start:end] = encode(sequence)
    k = int(np.clip(round(np.log(len(ids) + 1) / np.log(4)), *SEED_LENGTHS)) - shorter_by
    index = index_kmers(ids, borders, k)
    search = partial(similar_to_some, ids, borders, group, k, *index, identity, coverage)
    blocks = np.linspace(0, len(lengths), _BLOCKS + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(search, blocks[:-1], blocks[1:])
        yield from progress_bar(found, "similar genes, by k-mers", _BLOCKS, unit=" blocks", delay=2)
