"""Sequences in one array, so that what is counted along them is counted for all of them at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .bases import NO_BASE, Codes, base_codes, kmer_numbers
from .vocabulary import BASES

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ConcatenatedSequences:
    """Sequences one after the other, each followed by a position that is no base.

    Attributes:
        codes: A 1, C 2, G 3, T 4, anything else 0, shape `[n_positions]`.
        owners: the sequence of each position, shape `[n_positions]`.
        runs: bases from each position on up to the next that is none, shape `[n_positions]`.
        lengths: letters of each sequence, shape `[n_sequences]`.
    """

    codes: Codes
    owners: Integers
    runs: Integers
    lengths: Integers


def concatenate_sequences(sequences: Sequence[str]) -> ConcatenatedSequences:
    """Return some sequences, letters of either case, as one array."""
    codes = base_codes("".join(sequence + "N" for sequence in sequences))
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    owners = np.repeat(np.arange(len(sequences)), lengths + 1)
    return ConcatenatedSequences(codes, owners, bases_ahead(codes), lengths)


def kmers(sequences: ConcatenatedSequences, k: int) -> Integers:
    """Return every k-mer of A, C, G, T as a number below `4**k`, in order; none runs over the end of a sequence.

    Args:
        sequences: what to take k-mers of.
        k: bases of a k-mer, 1 to 31.

    Returns:
        Numbers in base 4 with A 0, C 1, G 2, T 3, shape `[n_kmers]`; they belong to the positions where `runs >= k`.
    """
    return kmer_numbers(sequences.codes, k)[sequences.runs >= k].astype(np.int64)


def bases_ahead(codes: Codes) -> Integers:
    """Return the number of bases from each position on up to the next that is none, shape `[n_positions]`."""
    positions = np.arange(len(codes))
    return np.minimum.accumulate(np.where(codes == NO_BASE, positions, len(codes))[::-1])[::-1] - positions


def count_bases(sequences: Sequence[str]) -> Integers:
    """Return the number of A, C, G, T in each sequence of upper-case letters, shape `[n_sequences]`."""
    return np.array([sum(map(sequence.count, BASES)) for sequence in sequences], dtype=np.int64)


def in_chunks(sequences: Iterable[str], num_letters: int) -> Iterator[list[str]]:
    """Yield sequences in chunks that end as soon as they have so many letters, so that little is in memory at once.

    Args:
        sequences: any number of them, also of no letter.
        num_letters: from which a chunk is whole; the border after each sequence counts as one.
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
