"""How often each k-mer comes in genes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError
from genelm.tokenization import concatenate_sequences, kmers

from ..statistics import jensen_shannon


def kmer_frequencies(sequences: Sequence[str], k: int = 4) -> npt.NDArray[np.float64]:
    """Return the share that each k-mer has among the k-mers of a gene.

    Args:
        sequences: genes as letters. A k-mer with a letter other than A, C, G, T is not counted.
        k: bases of a k-mer.

    Returns:
        Relative frequencies, shape `[n_genes, 4 ** k]`, k-mers in alphabetical order; zeros for a gene without one.
    """
    genes = concatenate_sequences(sequences)
    slots = genes.owners[genes.runs >= k] * 4**k + kmers(genes, k)
    counts = np.bincount(slots, minlength=len(sequences) * 4**k).reshape(len(sequences), 4**k)
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def kmer_divergence(sequences: Sequence[str], others: Sequence[str], k: int) -> float:
    """Return the Jensen-Shannon divergence of the k-mer frequencies of two sets of sequences.

    Args:
        sequences: letters.
        others: letters.
        k: bases of a k-mer.

    Returns:
        Bits, from 0 to 1.

    Raises:
        InputError: one of the sets has no k-mer.
    """
    spectra = [np.bincount(kmers(concatenate_sequences(genes), k), minlength=4**k) for genes in (sequences, others)]
    if not all(spectrum.any() for spectrum in spectra):
        raise InputError(f"K-mers of {k} bases need sequences at least so long on both sides; give longer ones.")
    return jensen_shannon(*spectra)
