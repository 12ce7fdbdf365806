"""How far two distributions are apart."""

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr


def jensen_shannon(counts: npt.ArrayLike, others: npt.ArrayLike) -> float:
    """Return the Jensen-Shannon divergence of two distributions.

    Args:
        counts: how often each thing was met, shape `[n_things]`, not all of them 0.
        others: how often each was met in the other distribution, shape `[n_things]`, not all of them 0.

    Returns:
        Bits, from 0 (equal) to 1 (nothing in common).

    Source: Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991), section IV.
    """
    one, other = (np.asarray(values, dtype=np.float64) / np.sum(values) for values in (counts, others))
    middle = (one + other) / 2
    return max(0.0, float((rel_entr(one, middle) + rel_entr(other, middle)).sum() / 2 / np.log(2)))
