"""What genes are made of: runs of one base, open reading frames, codons."""

import numpy as np

from genelm.tokenization import NO_BASE, ConcatenatedSequences, Integers, concatenate_sequences, kmers

MIN_CODONS = 50
"""Start and stop included. Of coding genes up to 1,000 bases nearly all have such a reading frame, and a fifth of
shuffled genes; shorter ones are mostly chance and tell little of codon usage."""


def longest_homopolymers(genes: ConcatenatedSequences) -> Integers:
    """Return the bases of the longest run of one base in each gene, shape `[n_genes]`; 0 where there is no base."""
    starts = np.flatnonzero(np.diff(genes.codes, prepend=NO_BASE))
    sizes = np.where(genes.codes[starts] != NO_BASE, np.diff(starts, append=len(genes.codes)), 0)
    longest = np.zeros(len(genes.lengths), dtype=np.int64)
    np.maximum.at(longest, genes.owners[starts], sizes)
    return longest


def longest_reading_frames(genes: ConcatenatedSequences) -> tuple[Integers, Integers]:
    """Return the longest open reading frame of each gene: ATG up to the first stop, in any frame of the given strand.

    A codon with a letter other than A, C, G, T, or the end of the gene, before the stop makes it none.

    Args:
        genes: any number of them.

    Returns:
        Where each begins in `genes.codes`, and its bases, start and stop codon included, both of shape `[n_genes]`;
        0 bases where a gene has none. Of equally long ones it is the first.
    """
    start, *stops = kmers(concatenate_sequences(["ATG", "TAA", "TAG", "TGA"]), 3).tolist()
    codons = np.full(len(genes.codes) + -len(genes.codes) % 3, -1)
    codons[np.flatnonzero(genes.runs >= 3)] = kmers(genes, 3)
    is_stop = np.isin(codons, stops)
    ends = np.where(is_stop | (codons < 0), np.arange(len(codons)), len(codons)).reshape(-1, 3)
    next_end = np.minimum.accumulate(ends[::-1])[::-1].ravel()
    starts = np.flatnonzero(codons == start)
    starts = starts[is_stop[next_end[starts]]]
    sizes, owners = next_end[starts] + 3 - starts, genes.owners[starts]
    order = np.lexsort([-sizes, owners])
    first = order[np.flatnonzero(np.diff(owners[order], prepend=-1))]
    begins, bases = np.zeros((2, len(genes.lengths)), dtype=np.int64)
    begins[owners[first]], bases[owners[first]] = starts[first], sizes[first]
    return begins, bases


def codon_counts(genes: ConcatenatedSequences) -> Integers:
    """Return how often each codon comes in the longest reading frames of at least `MIN_CODONS`, stops left out.

    Args:
        genes: any number of them; each has one longest reading frame.

    Returns:
        Counts, codons in alphabetical order, shape `[64]`.
    """
    begins, bases = longest_reading_frames(genes)
    begins, n_codons = begins[bases >= 3 * MIN_CODONS], bases[bases >= 3 * MIN_CODONS] // 3 - 1
    positions = np.repeat(begins - 3 * (np.cumsum(n_codons) - n_codons), n_codons) + 3 * np.arange(n_codons.sum())
    numbers = (genes.codes[positions[:, None] + np.arange(3)].astype(np.int64) - 1) @ [16, 4, 1]
    return np.bincount(numbers, minlength=64)
