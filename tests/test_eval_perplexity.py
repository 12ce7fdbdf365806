"""Bits per base and perplexity, in our convention and the paper's."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from evaluated_genes import genes_of

from genelm.eval import GeneScores, Measurement, bits_per_base
from genelm.eval.tasks import Perplexity
from genelm.eval.tasks.strata import length_strata
from genelm.storage import InputError

LN2 = math.log(2)
LSTM = SimpleNamespace(model_type="gene_rnn")
UNIGRAM = SimpleNamespace(model_type="gene_ngram", order=1)
TRIGRAM = SimpleNamespace(model_type="gene_ngram", order=3)

# Three genes of 1, 3 and 4 bases at 1, 2 and 1.5 bits a base; the whole softmax costs a bit a base more.
SCORES = GeneScores(
    n_bases=np.array([1, 3, 4]),
    base_nats=np.array([1, 6, 6]) * LN2,
    eos_nats=np.array([3, 5, 1]) * LN2,
    whole_softmax_base_nats=np.array([2, 9, 10]) * LN2,
    whole_softmax_eos_nats=np.array([2, 3, 4]) * LN2,
)
FAMILIARITY = ["familiar", "novel", "novel"]
GENE_TYPES = ["PSEUDO", None, "PSEUDO"]


def _measure(config: Any, scores: GeneScores = SCORES) -> list[Measurement]:
    genes = genes_of(["A", "ACG", "ACGT"], familiarity=FAMILIARITY, types=GENE_TYPES)
    return list(Perplexity().measure_scores(scores, genes, config, seed=0))


def _values(measurements: list[Measurement], convention: str, metric: str) -> dict[str, float]:
    return {m.stratum: m.value for m in measurements if (m.convention, m.metric) == (convention, metric)}


def test_bits_per_base_weighs_bases_not_genes() -> None:
    assert bits_per_base(SCORES.base_nats, SCORES.n_bases) == pytest.approx(13 / 8)


def test_no_base_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no gene has an A, C, G or T"):
        bits_per_base([0.0], [0])


def test_our_convention_by_group() -> None:
    measurements = _measure(LSTM)
    expected = {"all": 13 / 8, "familiar": 1, "novel": 12 / 7, "up to 100": 13 / 8, "PSEUDO": 7 / 5, "not given": 2}
    assert _values(measurements, "genelm", "bits_per_base") == pytest.approx(expected)
    assert _values(measurements, "genelm", "perplexity") == pytest.approx({k: 2**v for k, v in expected.items()})
    ends = {"all": 3, "familiar": 3, "novel": 3, "up to 100": 3, "PSEUDO": 2, "not given": 5}
    assert _values(measurements, "genelm", "eos_bits_per_gene") == pytest.approx(ends)


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        (LSTM, {"all": 21 / 8, "familiar": 2, "novel": 19 / 7}),
        (UNIGRAM, {"all": 21 / 8, "familiar": 2, "novel": 19 / 7}),
        (TRIGRAM, {"all": 30 / 11, "familiar": 4 / 2, "novel": 26 / 9}),
    ],
    ids=["lstm: bases", "unigram: bases", "trigram: bases and one end"],
)
def test_the_papers_symbols_depend_on_the_family(config: Any, bits: dict[str, float]) -> None:
    values = _values(_measure(config), "paper", "perplexity")
    assert values == pytest.approx({stratum: 2**value for stratum, value in bits.items()})


def test_sizes_and_intervals() -> None:
    all_genes, *_ = [m for m in _measure(LSTM) if m.metric == "bits_per_base"]
    assert (all_genes.n_genes, all_genes.n_bases) == (3, 8)
    assert all_genes.confidence_interval is not None
    low, high = all_genes.confidence_interval
    # Resamples run from three times the gene at 1 bit to three times the gene at 2 bits.
    assert 1 <= low < 13 / 8 < high <= 2
    perplexity = next(m for m in _measure(LSTM) if m.metric == "perplexity")
    assert perplexity.confidence_interval == pytest.approx((2**low, 2**high))


def test_an_impossible_base_makes_the_figure_infinite_without_an_interval() -> None:
    base_nats = np.array([1, np.inf, 6])
    measurements = _measure(LSTM, GeneScores(SCORES.n_bases, base_nats, SCORES.eos_nats, base_nats, SCORES.eos_nats))
    everything = measurements[0]
    assert (everything.value, everything.confidence_interval) == (math.inf, None)
    assert math.isfinite(_values(measurements, "genelm", "perplexity")["familiar"])


def test_a_stratum_without_a_base_is_left_out() -> None:
    nats = np.array([0, 6, 6]) * LN2
    scores = GeneScores(np.array([0, 3, 4]), nats, SCORES.eos_nats, nats, SCORES.eos_nats)
    strata = set(_values(_measure(LSTM, scores), "genelm", "bits_per_base"))
    assert strata == {"all", "novel", "up to 100", "PSEUDO", "not given"}


def test_the_lengths_have_their_strata() -> None:
    strata = length_strata(np.array([1, 100, 101, 300, 301, 600, 601]))
    expected = ["up to 100", "up to 100", "101 to 300", "101 to 300", "301 to 600", "301 to 600", "over 600"]
    assert strata.tolist() == expected
