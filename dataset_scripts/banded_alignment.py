"""Local alignment of two genes near a diagonal, compiled by numba.

Source: Gotoh, An improved algorithm for matching biological sequences, Journal of Molecular Biology 162, 705 (1982).
"""

import numba
import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS

MATCH, MISMATCH, GAP_OPEN, GAP_EXTEND = 2, -3, -5, -2
"""Scores; MMseqs2's for nucleotides. A gap of n bases costs the first once, the second n - 1 times."""

_FIRST_BASE, _COMPLEMENT_SUM = BASE_IDS[0], BASE_IDS[0] + BASE_IDS[-1]
_NEVER = -(1 << 30)


@numba.njit(nogil=True)
def best_score(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], lowest: int, highest: int) -> int:
    """Find the score of the alignment that `align` finds, in a fraction of its time."""
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


@numba.njit(nogil=True)
def align(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], lowest: int, highest: int
) -> tuple[int, int, int, int, int]:
    """Find the best local alignment within a band of diagonals.

    Args:
        one: ids of letters of the vocabulary; those that are no base match nothing.
        other: likewise.
        lowest: the band's lowest diagonal, a place in `other` less the place in `one`.
        highest: its highest.

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


@numba.njit(nogil=True)
def reverse_complement_ids(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give the other strand of a gene written in ids of letters, 5' to 3'."""
    backwards = ids[::-1].copy()
    for i in range(len(backwards)):
        if backwards[i] >= _FIRST_BASE:
            backwards[i] = _COMPLEMENT_SUM - backwards[i]
    return backwards


@numba.njit(nogil=True)
def are_similar(
    one: npt.NDArray[np.uint8],
    other: npt.NDArray[np.uint8],
    lowest: int,
    highest: int,
    identity: float,
    coverage: float,
) -> bool:
    """Say whether two genes align with at least `identity` over at least `coverage` of either of them.

    Args:
        one: as for `align`.
        other: likewise.
        lowest: likewise.
        highest: likewise.
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
