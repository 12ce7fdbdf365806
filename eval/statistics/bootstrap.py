"""How sure a value is: bootstrap intervals that draw clusters of similar genes, whose scores are not independent.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3; drawing whole clusters: Davison
and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
CONFIDENCE = 0.95

_BLOCK_SIZE = 1 << 20  # draws held at once: 8 MB of indices, however many clusters there are

Clusters = Sequence[str] | npt.NDArray[np.str_] | None
Interval = tuple[float, float]


def ratio_interval(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, clusters: Clusters = None, seed: int
) -> Interval | None:
    """Return the 95 % percentile bootstrap interval of `sum(numerators) / sum(denominators)`.

    Whole clusters are drawn with replacement, 1,000 times. The draws depend on the seed and the number of clusters
    alone, so two models scored on the same genes are resampled alike.

    Args:
        numerators: one number a gene, such as its nats, shape `[n_genes]`.
        denominators: one number a gene, such as its bases, shape `[n_genes]`, none negative.
        clusters: the cluster of each gene; where None, each gene is one.
        seed: of the draws.

    Returns:
        Lower and upper bound in the unit of the ratio, or None where there is no interval: fewer than two clusters, an
        infinite numerator, or a resample with nothing to divide by.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if not np.isfinite(above).all():
        return None
    if clusters is not None and len(above):
        _, members = np.unique(np.asarray(clusters), return_inverse=True)
        above, below = (np.bincount(members, values).astype(np.float64) for values in (above, below))
    if len(above) < 2:
        return None
    sums = np.empty((2, RESAMPLES))
    first = 0
    for drawn in _draws(len(above), seed):
        block = slice(first, first + len(drawn))
        sums[:, block] = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
        first = block.stop
    return _percentiles(sums[0] / sums[1]) if sums[1].all() else None


def statistic_interval(
    statistic: Callable[[npt.NDArray[np.int64]], float], n_items: int, *, clusters: Clusters = None, seed: int
) -> Interval | None:
    """Return the 95 % percentile bootstrap interval of any statistic.

    Args:
        statistic: turns positions of items, some of them more than once, into a number; NaN where it has none.
        n_items: number of items.
        clusters: the cluster of each item; where None, each item is one.
        seed: of the draws.

    Returns:
        Lower and upper bound, or None where there are fewer than two clusters or the statistic has no number for a
        resample.
    """
    names = np.arange(n_items) if clusters is None else np.asarray(clusters)
    _, members, sizes = np.unique(names, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return None
    by_cluster, begins = np.argsort(members, kind="stable"), np.cumsum(sizes) - sizes
    values = []
    for block in _draws(len(sizes), seed):
        for drawn in block:
            lengths = sizes[drawn]
            shift = begins[drawn] - (np.cumsum(lengths) - lengths)
            values.append(statistic(by_cluster[np.arange(lengths.sum()) + np.repeat(shift, lengths)]))
    return _percentiles(np.array(values)) if np.isfinite(values).all() else None


def _draws(n: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Draw n of n with replacement, as often as there are resamples, in blocks `[n_resamples, n]`."""
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK_SIZE // n)
    for first in range(0, RESAMPLES, rows):
        yield generator.integers(n, size=(min(rows, RESAMPLES - first), n))


def _percentiles(values: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
