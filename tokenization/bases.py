"""Bases as letters and as ids of the vocabulary: complements, and many sequences in one array.

One coding serves all that counts along sequences: the ids of the vocabulary, `A=4 C=5 G=6 T=7`, and 0 for what is no
base. Two things have codings of their own: the n-gram models, whose code travels to the Hub and may import nothing of
genelm, and loops compiled by numba, which cannot call these functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .vocabulary import BASE_IDS, BASES, encode

NO_BASE = 0
"""Stands for whatever is no base, and for the end of a sequence."""

COMPLEMENT_SUM = BASE_IDS[0] + BASE_IDS[-1]
"""The id of a base and that of its complement add up to this."""

_COMPLEMENTS = str.maketrans("ACGTRYKMBDHVSWN", "TGCAYRMKVHDBSWN")


def reverse_complement(sequence: str) -> str:
    """Return the other strand of a sequence of upper-case IUPAC letters, 5' to 3'."""
    return sequence.translate(_COMPLEMENTS)[::-1]


def reverse_complement_ids(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the other strand of a sequence of ids, 5' to 3'; whatever is no base stays what it is."""
    backward = ids[::-1]
    return np.where(backward >= BASE_IDS[0], COMPLEMENT_SUM - backward, backward).astype(np.uint8)


@dataclass(frozen=True)
class ConcatenatedSequences:
    """Sequences one after the other, each followed by a position that is no base.

    Attributes:
        ids: of the bases, `NO_BASE` for anything else, shape `[n_positions]`.
        owners: the sequence of each position, shape `[n_positions]`.
        runs: bases from each position on up to the next that is none, shape `[n_positions]`.
        lengths: letters of each sequence, shape `[n_sequences]`.
    """

    ids: npt.NDArray[np.uint8]
    owners: npt.NDArray[np.int64]
    runs: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequence[str]) -> "ConcatenatedSequences":
        """Return sequences, letters, in one array, so that what is counted along them is counted for all at once."""
        ids = encode("".join(sequence + "N" for sequence in sequences))
        ids = np.where(ids >= BASE_IDS[0], ids, NO_BASE).astype(np.uint8)
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        return cls(ids, np.repeat(np.arange(len(sequences)), lengths + 1), bases_ahead(ids), lengths)

    def kmers(self, k: int) -> npt.NDArray[np.int64]:
        """Return every k-mer of A, C, G, T as a number below `4**k`, in order; none runs over the end of a sequence.

        Args:
            k: bases of a k-mer, at most 31.
        """
        starts = np.flatnonzero(self.runs >= k)
        numbers = np.zeros(len(starts), dtype=np.int64)
        for offset in range(k):
            numbers = 4 * numbers + self.ids[starts + offset] - BASE_IDS[0]
        return numbers


def bases_ahead(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the number of bases from each position on up to the next that is none, shape `[n_positions]`."""
    positions = np.arange(len(ids))
    return np.minimum.accumulate(np.where(ids < BASE_IDS[0], positions, len(ids))[::-1])[::-1] - positions


def count_bases(sequences: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the number of A, C, G, T of each sequence of upper-case letters, shape `[n_sequences]`."""
    return np.array([sum(map(sequence.count, BASES)) for sequence in sequences], dtype=np.int64)


def in_chunks(sequences: Iterable[str], num_letters: int) -> Iterator[list[str]]:
    """Yield sequences in chunks that end as soon as they have so many letters, so that little is in memory at once.

    Args:
        sequences: any number of them, also of no letter.
        num_letters: from which a chunk is whole.
    """
    chunk: list[str] = []
    letters = 0
    for sequence in sequences:
        chunk.append(sequence)
        letters += len(sequence) + 1
        if letters >= num_letters:
            yield chunk
            chunk, letters = [], 0
    if chunk:
        yield chunk
