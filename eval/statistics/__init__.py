"""Numbers from numbers: bits per base, bootstrap intervals, rank statistics, divergences."""

from .bits import bits_per_base
from .bootstrap import CONFIDENCE, RESAMPLES, Clusters, Interval, ratio_interval, statistic_interval
from .divergence import jensen_shannon
from .ranks import auroc, spearman

__all__ = [
    "CONFIDENCE",
    "RESAMPLES",
    "Clusters",
    "Interval",
    "auroc",
    "bits_per_base",
    "jensen_shannon",
    "ratio_interval",
    "spearman",
    "statistic_interval",
]
