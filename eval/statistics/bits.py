"""The one definition of bits per base."""

import math

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError


def bits_per_base(nats: npt.ArrayLike, n_bases: npt.ArrayLike) -> float:
    """Return the bits that a base costs: `sum(nats) / ln 2 / sum(n_bases)`.

    Args:
        nats: -ln p of each gene's bases, p renormalised over A, C, G, T, shape `[n_genes]`.
        n_bases: A, C, G, T positions of each gene, shape `[n_genes]`.

    Returns:
        Bits a base, every base of every gene weighing the same. Perplexity is 2 to that power.

    Raises:
        InputError: the genes have no base between them.
    """
    total = np.sum(n_bases)
    if total == 0:
        raise InputError("Bits per base need at least one base, but no gene has an A, C, G or T; give other genes.")
    return float(np.sum(nats) / math.log(2) / total)
