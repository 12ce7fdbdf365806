"""Bootstrap intervals."""

import numpy as np
import pytest

from genelm.eval.statistics import bootstrap, ratio_interval, statistic_interval


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


def test_genes_of_one_cluster_are_drawn_together() -> None:
    generator = np.random.default_rng(0)
    per_cluster = generator.normal(2, 1, size=40)
    genes, clusters = np.repeat(per_cluster, 10), [f"{i // 10:02}" for i in range(400)]
    alone, together = (ratio_interval(genes, np.ones(400), clusters=c, seed=0) for c in (None, clusters))
    assert alone is not None
    assert together is not None
    # Ten equal genes say no more than one: the interval is wider by the root of ten.
    assert together[1] - together[0] == pytest.approx(np.sqrt(10) * (alone[1] - alone[0]), rel=0.15)
    assert together == pytest.approx(ratio_interval(per_cluster, np.ones(40), seed=0))


def test_any_statistic_is_resampled_as_ratios_are() -> None:
    generator = np.random.default_rng(0)
    values, clusters = generator.normal(size=90), generator.integers(30, size=90).astype(str)
    means = statistic_interval(lambda drawn: float(values[drawn].mean()), 90, clusters=clusters, seed=3)
    assert means == pytest.approx(ratio_interval(values, np.ones(90), clusters=clusters, seed=3))
    assert statistic_interval(lambda drawn: np.nan, 90, seed=3) is None
    assert statistic_interval(lambda drawn: 1.0, 3, clusters=["a", "a", "a"], seed=3) is None


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for seed in range(300):
        clusters = np.sort(generator.integers(80, size=200))
        lengths = generator.integers(50, 1000, size=200)
        bits = 1.9 + generator.normal(0, 0.1, size=80)[clusters] + generator.normal(0, 0.1, size=200)
        interval = ratio_interval(bits * lengths, lengths, clusters=clusters.astype(str), seed=seed)
        assert interval is not None
        held += interval[0] <= 1.9 <= interval[1]
    assert 0.90 <= held / 300 <= 0.99
