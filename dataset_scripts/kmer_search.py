"""Similar genes by alignment where they share k-mers that line up, compiled by numba.

Two genes that share a stretch share k-mers at nearby differences of position (diagonals), on one strand. Every pair
that has a few in a band of diagonals is aligned there.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numba
import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS, encode

from .banded_alignment import are_similar, reverse_complement_ids

SEED_LENGTHS = (11, 13)
"""Bases of a k-mer, least and most: at an identity of 0.8, nine in a hundred of eleven bases stay whole. In between it
grows with the genes, so that a k-mer stands at some places by chance, not at hundreds."""

BAND = 64
"""Diagonals over which the shared k-mers of a pair may spread: insertions of some 60 bases do not hide it."""

MARGIN = 8
"""Diagonals to either side of the shared k-mers that the alignment may use."""

FEWEST_MATCHES, SHARE_OF_EXPECTED = 2, 0.25
"""K-mers that a band has to hold: so many, and this share of what the wanted identity and coverage let expect."""

SHORTEST_REACH = 0.1
"""Share of the shorter gene that they have to span."""

MOST_PLACES = 2000
"""A k-mer that stands at more places says nothing (poly-A, short repeats) and is not looked at."""

_FIRST_BASE = BASE_IDS[0]
_BLOCKS = 64
"""Blocks of queries, so that threads end together."""


def search_with_kmers(
    sequences: Collection[str], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.int64]:
    """Compare all genes with all genes; see `similarity.similar_pairs`.

    Returns:
        Each pair `i < j` as the number `i * len(sequences) + j`, ascending.
    """
    none = np.zeros(0, dtype=bool)
    blocks = list(_similar(sequences, none, identity, coverage, threads, shorter_by=0))
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *blocks])
    return np.sort(pairs[:, 0] * len(sequences) + pairs[:, 1])


def similar_to_evaluation(
    sequences: Collection[str], is_evaluation: npt.NDArray[np.bool_], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.bool_]:
    """Look once more, by k-mers shorter by a base, which training genes are similar to an evaluation gene.

    Args:
        sequences: genes of all splits.
        is_evaluation: which of them are in an evaluation split, shape `[len(sequences)]`.
        identity: as for `similarity.similar_pairs`.
        coverage: likewise.
        threads: processor cores.

    Returns:
        Which are training genes similar to an evaluation gene, shape `[len(sequences)]`.
    """
    similar = np.zeros(len(sequences), dtype=bool)
    for pairs in _similar(sequences, is_evaluation, identity, coverage, threads, shorter_by=1):
        similar[pairs] = True
    return similar & ~is_evaluation


def _similar(
    sequences: Collection[str],
    group: npt.NDArray[np.bool_],
    identity: float,
    coverage: float,
    threads: int,
    shorter_by: int,
) -> Iterator[npt.NDArray[np.int64]]:
    """Give the similar pairs, the smaller position first, block by block; with groups, the pairs across them alone."""
    lengths = np.fromiter((len(sequence) for sequence in sequences), dtype=np.int64, count=len(sequences))
    borders = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.empty(borders[-1], dtype=np.uint8)
    for sequence, start, end in zip(sequences, borders[:-1], borders[1:], strict=True):
        ids[start:end] = encode(sequence)
    k = int(np.clip(round(np.log(len(ids) + 1) / np.log(4)), *SEED_LENGTHS)) - shorter_by
    index = _index(ids, borders, k)
    search = partial(_similar_to_some, ids, borders, group, k, *index, identity, coverage)
    blocks = np.linspace(0, len(lengths), _BLOCKS + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(search, blocks[:-1], blocks[1:])


@numba.njit(nogil=True)
def _canonical(gene: npt.NDArray[np.uint8], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number the k-mer at each place, -1 where a letter is no base, and say whether it numbers the other strand."""
    n = max(len(gene) - k + 1, 0)
    numbers, is_reversed = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    forward, backward, usable = 0, 0, 0
    for i in range(len(gene)):
        base = int(gene[i]) - _FIRST_BASE
        usable = usable + 1 if base >= 0 else 0
        base = max(base, 0)
        forward = (forward << 2 | base) & ((1 << 2 * k) - 1)
        backward = backward >> 2 | (3 - base) << 2 * (k - 1)
        if usable >= k:
            numbers[i - k + 1] = min(forward, backward)
            is_reversed[i - k + 1] = backward < forward
    return numbers, is_reversed


@numba.njit(nogil=True)
def _index(
    ids: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """List the places of every k-mer, in the order of the genes.

    Returns:
        Where the list of each k-mer begins, shape `[4**k + 1]`; the gene of each place; its position in the gene,
        doubled, and 1 more where the k-mer's number is that of the other strand.
    """
    begin = np.zeros((1 << 2 * k) + 1, dtype=np.uint32)
    for gene in range(len(borders) - 1):
        for number in _canonical(ids[borders[gene] : borders[gene + 1]], k)[0]:
            if number >= 0:
                begin[number + 1] += 1
    for number in range(1, len(begin)):
        begin[number] += begin[number - 1]
    genes, places = np.empty(begin[-1], dtype=np.uint32), np.empty(begin[-1], dtype=np.uint32)
    free = begin.copy()
    for gene in range(len(borders) - 1):
        numbers, is_reversed = _canonical(ids[borders[gene] : borders[gene + 1]], k)
        for i in range(len(numbers)):
            if numbers[i] >= 0:
                genes[free[numbers[i]]] = gene
                places[free[numbers[i]]] = 2 * i + is_reversed[i]
                free[numbers[i]] += 1
    return begin, genes, places


@numba.njit(nogil=True)
def _shared_kmers(
    query: int,
    ids: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    group: npt.NDArray[np.bool_],
    k: int,
    begin: npt.NDArray[np.uint32],
    genes: npt.NDArray[np.uint32],
    places: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the k-mers that a gene shares with later ones, where it shares enough.

    Returns:
        For each the later gene, strand and diagonal as one number, ascending, and the place in the query.
    """
    numbers, is_reversed = _canonical(ids[borders[query] : borders[query + 1]], k)
    n_shared = np.zeros(len(borders) - 1, dtype=np.int64)
    keys, starts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    n = 0
    for is_counted in (False, True):
        for i in range(len(numbers)):
            number = numbers[i]
            if number < 0 or begin[number + 1] - begin[number] > MOST_PLACES:
                continue
            for x in range(np.int64(begin[number + 1]) - 1, np.int64(begin[number]) - 1, -1):
                other = np.int64(genes[x])
                if other <= query:
                    break
                if not is_counted:
                    n_shared[other] += 1
                elif n_shared[other] >= FEWEST_MATCHES:
                    place = np.int64(places[x]) >> 1
                    strand = int(places[x] & 1 != is_reversed[i])
                    if strand:  # counted from the other end, so that matches in line differ by a constant there too
                        place = borders[other + 1] - borders[other] - k - place
                    keys[n] = (other * 2 + strand) << 32 | (place - i + (1 << 31))
                    starts[n] = i
                    n += 1
        if not is_counted:
            if len(group):
                n_shared[group == group[query]] = 0
            n_kept = n_shared[n_shared >= FEWEST_MATCHES].sum()
            keys, starts = np.empty(n_kept, dtype=np.int64), np.empty(n_kept, dtype=np.int64)
    order = np.argsort(keys)
    return keys[order], starts[order]


@numba.njit(nogil=True)
def _similar_to_some(
    ids: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    group: npt.NDArray[np.bool_],
    k: int,
    begin: npt.NDArray[np.uint32],
    genes: npt.NDArray[np.uint32],
    places: npt.NDArray[np.uint32],
    identity: float,
    coverage: float,
    first_query: int,
    end_of_queries: int,
) -> npt.NDArray[np.int64]:
    """Give the similar pairs of some genes with later ones, shape `[n_pairs, 2]`."""
    pairs = [(0, 0) for _ in range(0)]
    for query in range(first_query, end_of_queries):
        keys, starts = _shared_kmers(query, ids, borders, group, k, begin, genes, places)
        gene = ids[borders[query] : borders[query + 1]]
        last_similar = -1
        first = 0
        while first < len(keys):
            end = first + 1
            while end < len(keys) and keys[end] >> 32 == keys[first] >> 32:
                end += 1
            other, strand = (keys[first] >> 32) >> 1, (keys[first] >> 32) & 1
            if other != last_similar and end - first >= FEWEST_MATCHES:
                low, high = _densest_band(keys, first, end)
                partner = ids[borders[other] : borders[other + 1]]
                reach = starts[low : high + 1].max() - starts[low : high + 1].min() + k
                shorter = min(len(gene), len(partner))
                expected = coverage * shorter * identity**k
                is_candidate = reach > k and reach >= SHORTEST_REACH * shorter
                if is_candidate and high + 1 - low >= max(FEWEST_MATCHES, SHARE_OF_EXPECTED * expected):
                    if strand:
                        partner = reverse_complement_ids(partner)
                    origin = (other * 2 + strand << 32) + (1 << 31)
                    lowest, highest = keys[low] - origin, keys[high] - origin
                    if are_similar(gene, partner, lowest - MARGIN, highest + MARGIN, identity, coverage):
                        pairs.append((query, other))
                        last_similar = other
            first = end
    found = np.empty((len(pairs), 2), dtype=np.int64)
    for i in range(len(pairs)):
        found[i, 0], found[i, 1] = pairs[i]
    return found


@numba.njit(nogil=True)
def _densest_band(keys: npt.NDArray[np.int64], first: int, end: int) -> tuple[int, int]:
    """Find among ascending diagonals the first and last of the band that holds most."""
    best_low, best_high = first, first
    low = first
    for high in range(first, end):
        while keys[high] - keys[low] >= BAND:
            low += 1
        if high - low > best_high - best_low:
            best_low, best_high = low, high
    return best_low, best_high
