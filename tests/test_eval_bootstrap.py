"""Bootstrap intervals."""

import numpy as np
import pytest

from genelm.eval import bootstrap
from genelm.eval.bootstrap import ratio_interval


def test_interval_covers_the_ratio_of_sums_with_the_width_that_statistics_gives() -> None:
    denominators = np.full(400, 10.0)
    numerators = np.random.default_rng(0).normal(20, 2, size=400)
    interval = ratio_interval(numerators, denominators, seed=1)
    assert interval is not None
    low, high = interval
    ratio = numerators.sum() / denominators.sum()
    assert low < ratio < high
    standard_error = numerators.std() / 10 / np.sqrt(400)  # the mean of 400 equal-sized genes
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_long_genes_weigh_more() -> None:
    # Genes of 1 base at 10 and of 100 bases at 1: together 110 / 101; a mean of ratios would give (10 + 1) / 2 = 5.5.
    interval = ratio_interval([10.0] * 50 + [100.0] * 50, [1.0] * 50 + [100.0] * 50, seed=0)
    assert interval is not None
    low, high = interval
    assert 1.0 < low < 110 / 101 < high < 1.3


def test_same_seed_same_interval_however_the_draws_are_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    numerators = np.random.default_rng(0).normal(size=30)
    whole = ratio_interval(numerators, np.ones(30), seed=5)
    assert ratio_interval(numerators, np.ones(30), seed=6) != whole
    monkeypatch.setattr(bootstrap, "_BLOCK_SIZE", 64)
    assert ratio_interval(numerators, np.ones(30), seed=5) == whole


@pytest.mark.parametrize(
    ("numerators", "denominators"),
    [([1.0, np.inf], [1, 1]), ([1.0], [1]), ([], []), ([0.0, 1.0], [0, 1])],
    ids=["infinite", "one gene", "no gene", "a resample without bases"],
)
def test_no_interval_where_there_is_none(numerators: list[float], denominators: list[float]) -> None:
    assert ratio_interval(numerators, denominators, seed=0) is None
