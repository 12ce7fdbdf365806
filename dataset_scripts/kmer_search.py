"""Similar genes by shared k-mers that line up, where MMseqs2 is not installed: no alignment, an estimate.

Two genes that share a stretch share k-mers at nearby differences of position (diagonals), on one strand. A pair is
taken for similar if the k-mers shared within a band of diagonals are as many, and reach as far, as the wanted identity
and coverage let expect, less a margin: identity^k is the chance that k bases in a row are equal.
"""

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from .kmers import located_kmers

K = 12
"""Bases of a k-mer: seven in a hundred stay whole at an identity of 0.8, and one met by chance is rarely in line."""

BAND = 64
"""Diagonals of a band; bands overlap by half, so that insertions of up to 32 bases do not hide a pair."""

MARGIN = 0.5
"""Share of the expected matches, and of the expected reach, that is enough."""

FEWEST_MATCHES = 3

MOST_PLACES = 2000
"""A k-mer that stands at more places says nothing (poly-A, short repeats) and is not looked at."""

BLOCK_MATCHES = 1 << 22
"""Matches gone through at once, some 300 MB on the way."""


def search_with_kmers(sequences: Collection[str], identity: float, coverage: float) -> npt.NDArray[np.int64]:
    """Compare all genes with all genes; see `similarity.similar_pairs`.

    Returns:
        Each pair `i < j` as the number `i * len(sequences) + j`, ascending.
    """
    lengths = np.fromiter((len(sequence) for sequence in sequences), dtype=np.int64, count=len(sequences))
    codes = [np.array([], dtype=np.int64)]
    for low, high, diagonal, start in _matches(sequences, lengths):
        codes.append(_linked(low, high, diagonal, start, lengths, identity, coverage))
    return np.unique(np.concatenate(codes))


def _matches(
    sequences: Collection[str], lengths: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], ...]]:
    """Give every shared k-mer of every pair of genes, block by block, all of a gene's in one block.

    Yields:
        The first gene of the pair, the second, the diagonal (of the other strand below all of the same strand), and
        the place in the shorter gene.
    """
    parts = [
        (kmers.astype(np.uint32), genes.astype(np.int32), starts.astype(np.int32), strands)
        for kmers, genes, starts, strands in located_kmers(sequences, K)
    ]
    if not parts:
        return
    kmer, gene, start, strand = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    del parts
    if not len(kmer):
        return
    order = np.lexsort((gene, kmer))
    kmer, gene, start, strand = kmer[order], gene[order], start[order], strand[order]
    borders = np.flatnonzero(np.concatenate([[True], kmer[1:] != kmer[:-1], [True]]))
    places = np.diff(borders)
    # Each place is matched with the later ones of its k-mer, which are of later genes or of the same one.
    n_later = np.repeat(borders[1:], places) - 1 - np.arange(len(kmer))
    n_later[np.repeat(places > MOST_PLACES, places)] = 0
    by_gene = np.argsort(gene, kind="stable")
    reach = np.cumsum(n_later[by_gene])
    first = 0
    while first < len(by_gene):
        done = reach[first - 1] if first else 0
        last = max(int(np.searchsorted(reach, done + BLOCK_MATCHES)), first + 1)
        # To the end of the gene, so that no pair is torn apart.
        last = int(np.searchsorted(gene[by_gene], gene[by_gene[last - 1]], side="right"))
        one = np.repeat(by_gene[first:last], n_later[by_gene[first:last]])
        if len(one):
            counts = n_later[by_gene[first:last]]
            other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
            yield _placed(one, other, gene, start, strand, lengths)
        first = last


def _placed(
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    gene: npt.NDArray[np.int32],
    start: npt.NDArray[np.int32],
    strand: npt.NDArray[np.bool_],
    lengths: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], ...]:
    different = gene[one] != gene[other]
    one, other = one[different], other[different]
    low, high = gene[one].astype(np.int64), gene[other].astype(np.int64)
    same_strand = strand[one] == strand[other]
    # On the other strand a k-mer's place is counted from the gene's other end, so that matches in line differ by a
    # constant there too.
    place = np.where(same_strand, start[other], lengths[high] - K - start[other])
    diagonal = place - start[one] + lengths[low]
    widest = int(lengths.max()) * 2 + 2 * BAND
    diagonal = np.where(same_strand, diagonal + widest, diagonal)
    in_shorter = np.where(lengths[low] <= lengths[high], start[one], place)
    return low, high, diagonal, in_shorter


def _linked(
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    diagonal: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    identity: float,
    coverage: float,
) -> npt.NDArray[np.int64]:
    """Give the pairs that have enough matches, reaching far enough, within one band."""
    pair = low * len(lengths) + high
    found = []
    for shift in (0, BAND // 2):
        band = (diagonal + shift) // BAND
        order = np.lexsort((place, band, pair))
        pairs, bands, places = pair[order], band[order], place[order]
        firsts = np.flatnonzero(
            np.concatenate([[True], (pairs[1:] != pairs[:-1]) | (bands[1:] != bands[:-1])])[: len(pairs)]
        )
        if not len(firsts):
            continue
        lasts = np.concatenate([firsts[1:], [len(pairs)]]) - 1
        # A repeated k-mer matches many times at one place: places are counted once.
        new_place = np.concatenate([[1], places[1:] != places[:-1]]).astype(np.int64)
        new_place[firsts] = 1
        matches = np.add.reduceat(new_place, firsts)
        span = places[lasts] - places[firsts] + K
        shorter = np.minimum(*(lengths[genes] for genes in np.divmod(pairs[firsts], len(lengths))))
        wanted = np.maximum(MARGIN * coverage * (shorter - K + 1) * identity**K, FEWEST_MATCHES)
        found.append(pairs[firsts][(matches >= wanted) & (span >= MARGIN * coverage * shorter)])
    return np.unique(np.concatenate(found)) if found else np.array([], dtype=np.int64)
