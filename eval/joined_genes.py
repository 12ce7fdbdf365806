"""Genes in one array, so that what is counted along them is counted for all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS, BASES, encode

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class JoinedGenes:
    """Genes one after the other, each followed by a position that is no base.

    Attributes:
        codes: A 1, C 2, G 3, T 4, anything else 0, shape `[n_positions]`.
        owners: the gene of each position, shape `[n_positions]`.
        runs: bases from each position on up to the next that is none, shape `[n_positions]`.
        lengths: letters of each gene, shape `[n_genes]`.
    """

    codes: npt.NDArray[np.uint8]
    owners: Integers
    runs: Integers
    lengths: Integers


def join_genes(genes: Sequence[str]) -> JoinedGenes:
    """Put genes, letters, into one array."""
    ids = encode("".join(gene + "N" for gene in genes))
    codes = np.where(ids >= BASE_IDS[0], ids - (BASE_IDS[0] - 1), 0).astype(np.uint8)
    lengths = np.array([len(gene) for gene in genes], dtype=np.int64)
    return JoinedGenes(codes, np.repeat(np.arange(len(genes)), lengths + 1), bases_ahead(codes), lengths)


def kmers(genes: JoinedGenes, k: int) -> Integers:
    """Give every k-mer of A, C, G, T as a number below `4**k`, in order; none runs over a gene's end."""
    starts = np.flatnonzero(genes.runs >= k)
    numbers = np.zeros(len(starts), dtype=np.int64)
    for offset in range(k):
        numbers = 4 * numbers + genes.codes[starts + offset] - 1
    return numbers


def bases_ahead(codes: npt.NDArray[np.uint8]) -> Integers:
    """Count the bases from each position on up to the next that is none, shape `[n_positions]`."""
    places = np.arange(len(codes))
    return np.minimum.accumulate(np.where(codes == 0, places, len(codes))[::-1])[::-1] - places


def count_bases(genes: Sequence[str]) -> Integers:
    """Count the A, C, G, T positions of each gene, upper-case letters, shape `[n_genes]`."""
    return np.array([sum(map(gene.count, BASES)) for gene in genes], dtype=np.int64)
