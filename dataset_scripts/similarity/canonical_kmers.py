"""Canonical k-mers of genes: numbers that are the same on both strands, a batch of genes at a time."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from genelm.tokenization import concatenate_sequences, in_chunks, kmer_numbers, reverse_complement_codes

BATCH_BASES = 1 << 21
"""Letters of a batch; its numbers take some 100 MB on the way."""

Kmers = npt.NDArray[np.uint64]


def canonical_kmers(sequences: Iterable[str], k: int) -> Iterator[tuple[Kmers, npt.NDArray[np.int64]]]:
    """Yield every k-mer as the smaller of its own number and that of its reverse complement.

    Args:
        sequences: genes, letters. A k-mer with a letter other than A, C, G, T does not count, and none runs over the
            end of a gene.
        k: bases of a k-mer, at most 31.

    Yields:
        For a batch of genes its k-mers in order, shape `[n_kmers]`, and the position in `sequences` of the gene that
        each is in, shape `[n_kmers]`.
    """
    first = 0
    for batch in in_chunks(sequences, BATCH_BASES):
        yield _kmers_of(batch, first, k)
        first += len(batch)


def _kmers_of(batch: list[str], first: int, k: int) -> tuple[Kmers, npt.NDArray[np.int64]]:
    genes = concatenate_sequences(batch)
    n_windows = max(0, len(genes.codes) - k + 1)
    usable = np.flatnonzero(genes.runs >= k)
    forward = kmer_numbers(genes.codes, k)[usable]
    # The k-mer that begins at position i begins at position n_windows - 1 - i of the other strand.
    backward = kmer_numbers(reverse_complement_codes(genes.codes), k)[:n_windows][::-1][usable]
    return np.minimum(forward, backward), genes.owners[usable] + first
