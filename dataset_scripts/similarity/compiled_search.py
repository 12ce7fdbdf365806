"""All that is compiled of the k-mer search: the k-mers that genes share, and local alignment near a diagonal.

It is one file because numba keeps compiled code until the file it came from changes, and looks at no other. Source of
the alignment: Gotoh, An improved algorithm for matching biological sequences, Journal of Molecular Biology 162, 705
(1982).
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS

BAND = 64
"""Diagonals over which the shared k-mers of a pair may spread: insertions of some 60 bases do not hide it."""

MARGIN = 8
"""Diagonals to either side of the shared k-mers that the alignment may use."""

MIN_MATCHES, MIN_SHARE_OF_EXPECTED = 2, 0.25
"""K-mers that a band has to hold: so many, and this share of what the wanted identity and coverage let expect."""

MIN_REACH = 0.1
"""Share of the shorter gene that the shared k-mers have to span."""

MAX_OCCURRENCES = 2000
"""A k-mer that occurs more often says nothing (poly-A, short repeats) and is not looked at."""

MATCH, MISMATCH, GAP_OPEN, GAP_EXTEND = 2, -3, -5, -2
"""Scores; MMseqs2's for nucleotides. A gap of n bases costs `GAP_OPEN` once and `GAP_EXTEND` n - 1 times."""

_FIRST_BASE, _COMPLEMENT_SUM = BASE_IDS[0], BASE_IDS[0] + BASE_IDS[-1]
_NEVER = -(1 << 30)
_Function = TypeVar("_Function", bound=Callable)


def compiled(function: _Function) -> _Function:
    """Return a function compiled with numba, which keeps the code for later processes where it may write a folder."""
    try:
        return cast(_Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(nogil=True)(function))


@compiled
def _canonical(gene: npt.NDArray[np.uint8], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the canonical k-mers of a gene.

    Returns:
        The number of the k-mer at each position, -1 where a letter is no base, shape `[n_windows]`; and whether it is
        that of the other strand, shape `[n_windows]`.
    """
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


@compiled
def index_kmers(
    ids: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the occurrences of every k-mer, listed in the order of the genes.

    Args:
        ids: ids of the letters of all genes, one gene after the other, shape `[n_letters]`.
        borders: where each gene begins in `ids`, and where the last one ends, shape `[n_genes + 1]`.
        k: bases of a k-mer.

    Returns:
        Where the list of each k-mer begins, shape `[4**k + 1]`; the gene of each occurrence, shape `[n_occurrences]`;
        and its position in the gene, doubled, and 1 more where the k-mer's number is that of the other strand, shape
        `[n_occurrences]`.
    """
    begin = np.zeros((1 << 2 * k) + 1, dtype=np.uint32)
    for gene in range(len(borders) - 1):
        for number in _canonical(ids[borders[gene] : borders[gene + 1]], k)[0]:
            if number >= 0:
                begin[number + 1] += 1
    for number in range(1, len(begin)):
        begin[number] += begin[number - 1]
    genes, positions = np.empty(begin[-1], dtype=np.uint32), np.empty(begin[-1], dtype=np.uint32)
    free = begin.copy()
    for gene in range(len(borders) - 1):
        numbers, is_reversed = _canonical(ids[borders[gene] : borders[gene + 1]], k)
        for i in range(len(numbers)):
            if numbers[i] >= 0:
                genes[free[numbers[i]]] = gene
                positions[free[numbers[i]]] = 2 * i + is_reversed[i]
                free[numbers[i]] += 1
    return begin, genes, positions


@compiled
def _shared_kmers(
    query: int,
    ids: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    group: npt.NDArray[np.bool_],
    k: int,
    begin: npt.NDArray[np.uint32],
    genes: npt.NDArray[np.uint32],
    positions: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the k-mers that a gene shares with later ones, where it shares enough.

    Returns:
        For each shared k-mer the later gene, strand and diagonal as one number, ascending, and its position in the
        query; both of shape `[n_shared]`.
    """
    numbers, is_reversed = _canonical(ids[borders[query] : borders[query + 1]], k)
    n_shared = np.zeros(len(borders) - 1, dtype=np.int64)
    keys, starts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    n = 0
    for is_counted in (False, True):
        for i in range(len(numbers)):
            number = numbers[i]
            if number < 0 or begin[number + 1] - begin[number] > MAX_OCCURRENCES:
                continue
            for x in range(np.int64(begin[number + 1]) - 1, np.int64(begin[number]) - 1, -1):
                other = np.int64(genes[x])
                if other <= query:
                    break
                if not is_counted:
                    n_shared[other] += 1
                elif n_shared[other] >= MIN_MATCHES:
                    position = np.int64(positions[x]) >> 1
                    strand = int(positions[x] & 1 != is_reversed[i])
                    if strand:  # counted from the other end, so that matches in line differ by a constant there too
                        position = borders[other + 1] - borders[other] - k - position
                    keys[n] = (other * 2 + strand) << 32 | (position - i + (1 << 31))
                    starts[n] = i
                    n += 1
        if not is_counted:
            if len(group):
                n_shared[group == group[query]] = 0
            n_kept = n_shared[n_shared >= MIN_MATCHES].sum()
            keys, starts = np.empty(n_kept, dtype=np.int64), np.empty(n_kept, dtype=np.int64)
    order = np.argsort(keys)
    return keys[order], starts[order]


@compiled
def similar_to_some(
    ids: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    group: npt.NDArray[np.bool_],
    k: int,
    begin: npt.NDArray[np.uint32],
    genes: npt.NDArray[np.uint32],
    positions: npt.NDArray[np.uint32],
    identity: float,
    coverage: float,
    first_query: int,
    end_of_queries: int,
) -> npt.NDArray[np.int64]:
    """Return the similar pairs of some genes with later ones.

    Args:
        ids: ids of the letters of all genes, one gene after the other, shape `[n_letters]`.
        borders: where each gene begins in `ids`, and where the last one ends, shape `[n_genes + 1]`.
        group: of two groups the one of each gene, of which only pairs across are sought, shape `[n_genes]`; or empty.
        k: bases of a k-mer.
        begin: where the list of each k-mer begins, of `index_kmers`, shape `[4**k + 1]`.
        genes: the gene of each occurrence, of `index_kmers`, shape `[n_occurrences]`.
        positions: the position and strand of each occurrence, of `index_kmers`, shape `[n_occurrences]`.
        identity: share of equal bases among the columns of the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        first_query: the first of the genes whose pairs are sought.
        end_of_queries: the gene after the last of them.

    Returns:
        Positions of the genes of each pair, the smaller first, shape `[n_pairs, 2]`.
    """
    pairs = [(0, 0) for _ in range(0)]
    for query in range(first_query, end_of_queries):
        keys, starts = _shared_kmers(query, ids, borders, group, k, begin, genes, positions)
        gene = ids[borders[query] : borders[query + 1]]
        last_similar = -1
        first = 0
        while first < len(keys):
            end = first + 1
            while end < len(keys) and keys[end] >> 32 == keys[first] >> 32:
                end += 1
            other, strand = (keys[first] >> 32) >> 1, (keys[first] >> 32) & 1
            if other != last_similar and end - first >= MIN_MATCHES:
                low, high = _densest_band(keys, first, end)
                partner = ids[borders[other] : borders[other + 1]]
                reach = starts[low : high + 1].max() - starts[low : high + 1].min() + k
                shorter = min(len(gene), len(partner))
                expected = coverage * shorter * identity**k
                is_candidate = reach > k and reach >= MIN_REACH * shorter
                if is_candidate and high + 1 - low >= max(MIN_MATCHES, MIN_SHARE_OF_EXPECTED * expected):
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


@compiled
def _densest_band(keys: npt.NDArray[np.int64], first: int, end: int) -> tuple[int, int]:
    """Return the first and the last, among ascending diagonals, of the band that holds most."""
    best_low, best_high = first, first
    low = first
    for high in range(first, end):
        while keys[high] - keys[low] >= BAND:
            low += 1
        if high - low > best_high - best_low:
            best_low, best_high = low, high
    return best_low, best_high


@compiled
def best_score(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], lowest: int, highest: int) -> int:
    """Return the score of the alignment that `align` finds, in a fraction of its time.

    Args:
        one: ids of letters of the vocabulary; those that are no base match nothing.
        other: ids of letters of the vocabulary.
        lowest: the band's lowest diagonal, a position in `other` less the position in `one`.
        highest: the band's highest diagonal.
    """
    width = highest - lowest + 1
    score, gap_score = np.zeros(width, dtype=np.int32), np.full(width, _NEVER, dtype=np.int32)
    best = 0
    for i in range(len(one)):
        left = _NEVER
        base = one[i] if one[i] >= _FIRST_BASE else 255
        start = i + lowest
        for b in range(max(0, -start), min(width, len(other) - start)):
            up = max(score[b + 1] + GAP_OPEN, gap_score[b + 1] + GAP_EXTEND) if b + 1 < width else _NEVER
            gap_score[b] = up
            value = max(score[b] + (MATCH if other[start + b] == base else MISMATCH), up, left, 0)
            score[b] = value
            best = max(best, value)
            left = max(value + GAP_OPEN, left + GAP_EXTEND)
    return best


@compiled
def align(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], lowest: int, highest: int
) -> tuple[int, int, int, int, int]:
    """Return the best local alignment within a band of diagonals.

    Args:
        one: ids of letters of the vocabulary; those that are no base match nothing.
        other: ids of letters of the vocabulary.
        lowest: the band's lowest diagonal, a position in `other` less the position in `one`.
        highest: the band's highest diagonal.

    Returns:
        Score, equal bases, columns, and the bases of `one` and of `other` from the first column to the last.
    """
    width = highest - lowest + 1
    # By diagonal, of the row before until it is overwritten: the score, and of the alignment that has it the start in
    # `one` and in `other`, the equal bases and the columns; below the same for alignments that end in a gap.
    score = np.zeros(width, dtype=np.int32)
    path = np.zeros((width, 4), dtype=np.int32)
    gap_score = np.full(width, _NEVER, dtype=np.int32)
    gap_path = np.zeros((width, 4), dtype=np.int32)
    best = (0, 0, 0, 0, 0)
    for i in range(len(one)):
        left = _NEVER
        left_path = (0, 0, 0, 0)
        for b in range(max(0, -(i + lowest)), min(width, len(other) - i - lowest)):
            j = i + lowest + b
            is_equal = one[i] == other[j] and one[i] >= _FIRST_BASE
            value = MATCH if is_equal else MISMATCH
            way = (i, j, int(is_equal), 1)
            if score[b] > 0:
                value += score[b]
                way = (path[b, 0], path[b, 1], path[b, 2] + int(is_equal), path[b, 3] + 1)
            up = _NEVER
            up_path = (0, 0, 0, 0)
            if b + 1 < width:
                if score[b + 1] + GAP_OPEN >= gap_score[b + 1] + GAP_EXTEND:
                    up = score[b + 1] + GAP_OPEN
                    up_path = (path[b + 1, 0], path[b + 1, 1], path[b + 1, 2], path[b + 1, 3] + 1)
                else:
                    up = gap_score[b + 1] + GAP_EXTEND
                    up_path = (gap_path[b + 1, 0], gap_path[b + 1, 1], gap_path[b + 1, 2], gap_path[b + 1, 3] + 1)
            gap_score[b] = up
            gap_path[b, 0], gap_path[b, 1], gap_path[b, 2], gap_path[b, 3] = up_path
            if up > value:
                value, way = up, up_path
            if left > value:
                value, way = left, left_path
            value = max(value, 0)
            score[b] = value
            path[b, 0], path[b, 1], path[b, 2], path[b, 3] = way
            if value > best[0]:
                best = (value, way[2], way[3], i + 1 - way[0], j + 1 - way[1])
            if value + GAP_OPEN >= left + GAP_EXTEND:
                left, left_path = value + GAP_OPEN, (way[0], way[1], way[2], way[3] + 1)
            else:
                left, left_path = left + GAP_EXTEND, (left_path[0], left_path[1], left_path[2], left_path[3] + 1)
    return best


@compiled
def reverse_complement_ids(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the other strand of a gene, 5' to 3'.

    `tokenization.bases` has it for codes; code that is compiled can call only what is compiled.

    Args:
        ids: ids of letters of the vocabulary; those that are no base stay as they are.
    """
    backwards = ids[::-1].copy()
    for i in range(len(backwards)):
        if backwards[i] >= _FIRST_BASE:
            backwards[i] = _COMPLEMENT_SUM - backwards[i]
    return backwards


@compiled
def are_similar(
    one: npt.NDArray[np.uint8],
    other: npt.NDArray[np.uint8],
    lowest: int,
    highest: int,
    identity: float,
    coverage: float,
) -> bool:
    """Return whether two genes align with at least `identity` over at least `coverage` of either of them.

    Args:
        one: ids of letters of the vocabulary; those that are no base match nothing.
        other: ids of letters of the vocabulary.
        lowest: the band's lowest diagonal, a position in `other` less the position in `one`.
        highest: the band's highest diagonal.
        identity: share of equal bases among the columns of the alignment.
        coverage: aligned share of the one gene or of the other, whichever is larger.
    """
    # The worst that such an alignment can score: no more columns than needed, and all that differ are gaps of one.
    per_column = identity * MATCH + (1 - identity) * GAP_OPEN
    worst = per_column * coverage * min(len(one), len(other))
    if best_score(one, other, lowest, highest) < worst:
        return False
    _, equal, columns, span, other_span = align(one, other, lowest, highest)
    return columns > 0 and equal >= identity * columns and max(span / len(one), other_span / len(other)) >= coverage
