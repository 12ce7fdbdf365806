"""Statistics that depend on order alone: rank correlation and the area under the ROC curve."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.float64]


def spearman(one: FloatArray, other: FloatArray) -> float:
    """Return Spearman's rank correlation, equal values sharing a rank; NaN where all of one are equal.

    Args:
        one: shape `[n]`.
        other: shape `[n]`.
    """
    ranks, others = rankdata(one), rankdata(other)
    ranks, others = ranks - ranks.mean(), others - others.mean()
    norm = math.sqrt(float(ranks @ ranks) * float(others @ others))
    return float(ranks @ others) / norm if norm else math.nan


def auroc(scores: FloatArray, is_positive: npt.NDArray[np.bool_]) -> float:
    """Return the chance that a positive scores more than a negative, the area under the ROC curve.

    Equal scores count a half; NaN where there is no positive or no negative.

    Args:
        scores: shape `[n]`.
        is_positive: shape `[n]`.
    """
    n_positive = int(is_positive.sum())
    n_negative = len(scores) - n_positive
    if not n_positive or not n_negative:
        return math.nan
    ranks = rankdata(scores)[is_positive].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
