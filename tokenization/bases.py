"""Bases as letters and as codes: the other strand, and k-mers as numbers.

A code is a small number for a letter: A 1, C 2, G 3, T 4, and 0 for whatever is no base. Ids are for models, which
tell `[PAD]`, `[UNK]`, `[BOS]` and `[EOS]` apart; codes are for counting, where those are one thing.
"""

import numpy as np
import numpy.typing as npt

from .vocabulary import BASE_IDS, encode

NO_BASE = 0
"""The code of N, of a border between genes, and of whatever else is not one of A, C, G, T."""

_IUPAC_COMPLEMENT = str.maketrans("ACGTRYKMBDHVSWN", "TGCAYRMKVHDBSWN")

Codes = npt.NDArray[np.uint8]


def reverse_complement(sequence: str) -> str:
    """Return the other strand of a sequence, 5' to 3'.

    Args:
        sequence: upper-case IUPAC letters, with T for U; any other letter stands in the result as it is.
    """
    return sequence.translate(_IUPAC_COMPLEMENT)[::-1]


def base_codes(sequence: str) -> Codes:
    """Return the code of each letter of a sequence, shape `[len(sequence)]`.

    Args:
        sequence: letters, either case; U is T.
    """
    last_of_no_base = np.uint8(BASE_IDS[0] - 1)  # the ids of A, C, G, T are the last ones, in a row
    return np.maximum(encode(sequence), last_of_no_base) - last_of_no_base


def reverse_complement_codes(codes: Codes) -> Codes:
    """Return the other strand of an array of codes, shape `[n_positions]`; what is no base stays none."""
    backward = codes[::-1]
    return (5 - backward) * (backward > NO_BASE)


def kmer_numbers(codes: Codes, k: int) -> npt.NDArray[np.uint64]:
    """Return the k-mer that begins at each position as a number of k digits in base 4, A 0, C 1, G 2, T 3.

    The length of what is packed doubles at every step, so that the time grows with the logarithm of k.

    Args:
        codes: shape `[n_positions]`.
        k: bases of a k-mer, 1 to 32.

    Returns:
        Numbers below `4**k`, shape `[n_positions]`; one whose k-mer holds a position that is no base, or runs past
        the end, means nothing.
    """
    power = (np.maximum(codes, 1) - 1).astype(np.uint64)
    packed: npt.NDArray[np.uint64] | None = None
    done, length = 0, 1
    while True:
        if k & length:  # the k-mer so far, followed by the next `length` bases
            tail = _shifted(power, done)
            packed = tail if packed is None else packed << np.uint64(2 * length) | tail
            done += length
        if done == k:
            assert packed is not None  # k is at least 1
            return packed
        power = power << np.uint64(2 * length) | _shifted(power, length)
        length *= 2


def _shifted(values: npt.NDArray[np.uint64], offset: int) -> npt.NDArray[np.uint64]:
    """Return at each position the value `offset` positions further on, and 0 past the end."""
    return np.concatenate([values[offset:], np.zeros(min(offset, len(values)), dtype=values.dtype)])
