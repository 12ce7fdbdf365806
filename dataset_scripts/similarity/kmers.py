"""K-mers of genes as numbers, the same on both strands, a batch of genes at a time."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS, ConcatenatedSequences, in_chunks

BATCH_BASES = 1 << 21
"""Letters looked at at once; the numbers of a batch take some 100 MB on the way."""

Kmers = npt.NDArray[np.uint64]


def canonical_kmers(sequences: Iterable[str], k: int) -> Iterator[tuple[Kmers, npt.NDArray[np.int64]]]:
    """Yield every k-mer as the smaller of its own number and that of its reverse complement.

    Args:
        sequences: genes. A k-mer with a letter other than A, C, G, T is left out, and none runs over a gene's end.
        k: bases of a k-mer, at most 31.

    Yields:
        K-mers and the position in `sequences` of the gene each is in, in order, for a batch of genes.
    """
    first = 0
    for batch in in_chunks(sequences, BATCH_BASES):
        yield _kmers_of(batch, first, k)
        first += len(batch)


def _kmers_of(batch: list[str], first: int, k: int) -> tuple[Kmers, npt.NDArray[np.int64]]:
    genes = ConcatenatedSequences.of(batch)
    usable = np.flatnonzero(genes.runs >= k)
    n_windows = max(0, len(genes.ids) - k + 1)
    codes = np.where(genes.ids >= BASE_IDS[0], genes.ids - BASE_IDS[0], 0).astype(np.uint64)
    forward = _pack(codes, k)[:n_windows][usable]
    backward = _pack(3 - codes[::-1], k)[:n_windows][::-1][usable]  # A 0, C 1, G 2, T 3: the complement is 3 minus it
    return np.minimum(forward, backward), genes.owners[usable] + first


def _pack(codes: Kmers, k: int) -> Kmers:
    """Write the k codes from each position on as one number, two bits each, doubling the length at every step."""
    packed: Kmers | None = None
    done, power, length = 0, codes, 1
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


def _shifted(values: Kmers, offset: int) -> Kmers:
    """Return for each position what stands `offset` further on, and 0 past the end."""
    return np.concatenate([values[offset:], np.zeros(min(offset, len(values)), dtype=values.dtype)])
