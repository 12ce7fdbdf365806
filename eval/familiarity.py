"""How much of a gene was there to be memorised: the share of its 24-mers that occur in the training genes.

Genes come in families, so a corpus perplexity is mostly recall of relatives seen in training. The strata of this
module keep that apart from what a model knows about DNA in general.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genelm.tokenization import BASE_IDS, encode

WORD_LENGTH = 24
"""Long enough that a 24-mer is hardly met twice by chance (4^24 = 2.8e14); at 2 bits a letter it fits in uint64."""

NOVEL, PARTLY_FAMILIAR, FAMILIAR = STRATA = ("novel", "partly familiar", "familiar")
"""Share 0; above 0 and at most one half; above one half."""


def shared_fractions(sequences: Sequence[str], training_sequences: Sequence[str]) -> npt.NDArray[np.float64]:
    """Give the share of each sequence's 24-mers that occur in the training sequences, on either strand.

    Args:
        sequences: the genes to look at, letters.
        training_sequences: the genes a model learned from, letters.

    Returns:
        Shares from 0 to 1, shape `[len(sequences)]`. A 24-mer with a letter other than A, C, G, T does not count. A
        gene without any 24-mer, because it is shorter than that, has the share 0.
    """
    kmers, genes = _canonical_kmers(sequences)
    known, _ = _canonical_kmers(training_sequences)
    in_training = np.isin(kmers, known)
    n_kmers = np.bincount(genes, minlength=len(sequences))
    n_shared = np.bincount(genes[in_training], minlength=len(sequences))
    return n_shared / np.maximum(n_kmers, 1)


def familiarity_strata(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.str_]:
    """Name the stratum of each share: `novel`, `partly familiar` or `familiar`."""
    return np.select([shares == 0, shares <= 0.5], [NOVEL, PARTLY_FAMILIAR], default=FAMILIAR)


def _canonical_kmers(sequences: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Give every 24-mer as the smaller of its own number and its reverse complement's, and the gene it is in."""
    # One [UNK] ends each gene, so that no 24-mer runs from one gene into the next.
    ids = encode("".join(f"{sequence}N" for sequence in sequences))
    n_windows = max(0, len(ids) - WORD_LENGTH + 1)
    is_base = ids >= BASE_IDS[0]
    bases_before = np.concatenate([[0], np.cumsum(is_base)])
    usable = bases_before[WORD_LENGTH:] - bases_before[:n_windows] == WORD_LENGTH
    codes = np.where(is_base, ids - BASE_IDS[0], 0).astype(np.uint64)
    forward = _pack(codes, n_windows)
    backward = _pack(3 - codes[::-1], n_windows)[::-1]  # A 0, C 1, G 2, T 3: the complement is 3 minus the code
    genes = np.repeat(np.arange(len(sequences)), [len(sequence) + 1 for sequence in sequences])
    return np.minimum(forward, backward)[usable], genes[:n_windows][usable]


def _pack(codes: npt.NDArray[np.uint64], n_windows: int) -> npt.NDArray[np.uint64]:
    """Write the 24 codes from each position on as one number, 2 bits each."""
    packed = np.zeros(n_windows, dtype=np.uint64)
    for offset in range(WORD_LENGTH):
        packed = packed << np.uint64(2) | codes[offset : offset + n_windows]
    return packed
