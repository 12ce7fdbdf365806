"""How sure a figure is: the bootstrap interval of a ratio of sums over genes (or over pairs of genes)."""

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
CONFIDENCE = 0.95

_BLOCK_SIZE = 1 << 20  # draws held at once: 8 MB of indices, however many genes there are


def ratio_interval(numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, seed: int) -> tuple[float, float] | None:
    """Give the 95 % percentile bootstrap interval of `sum(numerators) / sum(denominators)`.

    Whole genes are drawn with replacement, 1,000 times, because the bases of one gene are not independent. (Nor
    are genes of one family, which are drawn one by one all the same: the interval is the least to allow for.) The
    draws depend on the seed and the number of genes alone, so two models scored on the same genes are resampled alike.

    Args:
        numerators: one number a gene, such as its nats, shape `[n_genes]`.
        denominators: one number a gene, such as its bases, shape `[n_genes]`, none negative.
        seed: of the draws.

    Returns:
        Lower and upper bound in the unit of the ratio, or None where there is no interval: fewer than two genes, an
        infinite numerator, or a resample with nothing to divide by.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if len(above) < 2 or not np.isfinite(above).all():
        return None
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK_SIZE // len(above))
    sums = np.empty((2, RESAMPLES))
    for first in range(0, RESAMPLES, rows):
        block = slice(first, min(first + rows, RESAMPLES))
        drawn = generator.integers(len(above), size=(block.stop - first, len(above)))
        sums[:, block] = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    if not sums[1].all():
        return None
    low, high = np.quantile(sums[0] / sums[1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
