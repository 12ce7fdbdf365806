"""The longest part of a gene that stands in the training genes letter for letter, on either strand.

All suffixes are sorted: no training suffix has more in common with a gene's than the nearest one on either side.
Source: Manber and Myers, Suffix arrays, SIAM J. Comput. 22 (1993), sections 2 and 3.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genelm.tokenization import (
    ConcatenatedSequences,
    Integers,
    bases_ahead,
    concatenate_sequences,
    in_chunks,
    reverse_complement_codes,
)

PART_BASES = 1 << 20
"""Letters of genes, and twice as many of training genes, that are searched for matches at once: some 400 MB."""

_WORD = 17  # letters of three bits in a word of the search: 51 bits, which a float holds exactly


def longest_matches(genes: Sequence[str], training: Sequence[str]) -> Integers:
    """Return the length of the longest part of each gene that stands in a training gene, letter for letter.

    Args:
        genes: letters. Only A, C, G, T match.
        training: training genes; either strand counts.

    Returns:
        Bases, shape `[len(genes)]`; 0 where nothing matches.
    """
    longest = np.zeros(len(genes), dtype=np.int64)
    first = 0
    for part in in_chunks(genes, PART_BASES):
        members = slice(first, first + len(part))
        for known in in_chunks(training, 2 * PART_BASES):
            found = _matches(concatenate_sequences(part), concatenate_sequences(known))
            longest[members] = np.maximum(longest[members], found)
        first = members.stop
    return longest


def _matches(genes: ConcatenatedSequences, training: ConcatenatedSequences) -> Integers:
    """Search some genes, on both strands, in some training genes."""
    n_positions = 2 * len(genes.codes)
    backward = reverse_complement_codes(genes.codes)
    owners = np.concatenate([genes.owners, genes.owners[::-1]])
    runs = np.concatenate([genes.runs, bases_ahead(backward)])
    words = _words(np.concatenate([genes.codes, backward, training.codes]))
    order = _suffix_order(words, int(runs.max()))
    is_training = order >= n_positions
    slots = np.arange(len(order))
    before = np.maximum.accumulate(np.where(is_training, slots, -1))
    after = np.minimum.accumulate(np.where(is_training, slots, len(order))[::-1])[::-1]
    longest = np.zeros(len(genes.lengths), dtype=np.int64)
    for neighbours in (before, after):
        usable = np.flatnonzero(~is_training & (neighbours >= 0) & (neighbours < len(order)))
        ours = order[usable]
        np.maximum.at(longest, owners[ours], _common(words, ours, order[neighbours[usable]], runs[ours]))
    return longest


def _words(codes: npt.NDArray[np.uint8]) -> Integers:
    """Write the letters from each position on as one number, as many as go into a word, 0 past the end."""
    padded = np.concatenate([codes, np.zeros(_WORD, dtype=np.uint8)])
    words = np.zeros(len(codes), dtype=np.int64)
    for offset in range(_WORD):
        words <<= 3
        words |= padded[offset : offset + len(codes)]
    return words


def _suffix_order(words: Integers, depth: int) -> Integers:
    """Order suffixes by their first `depth` letters, doubling the number of letters looked at in every round."""
    n_suffixes = len(words)
    slots = np.arange(n_suffixes)
    order, ranks = np.empty(n_suffixes, dtype=np.int64), np.empty(n_suffixes, dtype=np.int64)
    items, keys, done = slots, words, _WORD
    while True:
        sorting = np.argsort(keys)
        items, keys = items[sorting], keys[sorting]
        order[slots] = items
        is_new = np.concatenate([[True], keys[1:] != keys[:-1], [True]])
        ranks[items] = slots[np.maximum.accumulate(np.where(is_new[:-1], np.arange(len(slots)), 0))]
        tied = ~(is_new[1:] & is_new[:-1])
        slots, items = slots[tied], items[tied]
        if done >= depth or not len(slots):
            return order
        keys = ranks[items] * n_suffixes + ranks[np.minimum(items + done, n_suffixes - 1)]
        done *= 2


def _common(words: Integers, ones: Integers, others: Integers, limits: Integers) -> Integers:
    """Return how many letters suffixes have in common from their first one on, up to a limit of each pair."""
    lengths = np.zeros(len(ones), dtype=np.int64)
    open_pairs = np.flatnonzero(limits)
    while len(open_pairs):
        so_far = lengths[open_pairs]
        differing = words[ones[open_pairs] + so_far] ^ words[others[open_pairs] + so_far]
        equal = _WORD - (np.frexp(differing)[1].astype(np.int64) + 2) // 3
        lengths[open_pairs] += equal
        open_pairs = open_pairs[(equal == _WORD) & (lengths[open_pairs] < limits[open_pairs])]
    return np.minimum(lengths, limits)
