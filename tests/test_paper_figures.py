"""The paper's own figures, to the last digit, from the counts, test genes and pairs it released."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluated_genes import genes_of

from genelm.dataset_scripts import GeneDatasetConfig
from genelm.dataset_scripts.building.preparation import prepare_genes
from genelm.eval import Measurement, TaskInput, bits_per_base, score_genes
from genelm.eval.tasks import Mutations, nats_and_symbols, paper_perplexity, read_pairs
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM


@pytest.fixture(scope="module")
def genes(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    paths = {split: real_data / "paper" / f"genes_{split}.csv" for split in ("validation", "test")}
    paths["train"] = real_data / "paper" / "genes_train_subset.csv"
    config = GeneDatasetConfig(source="csv", cluster_with="none", **paths)
    prepared = prepare_genes(config, tmp_path_factory.mktemp("paper") / "genes.parquet")
    return [gene["sequence"] for gene in prepared.genes("test")]


def paper_ngram(real_data: Path, smoothing: str, order: int) -> GeneNGramForCausalLM:
    """The n-gram model whose counts the paper released.

    The files hold `counts`, `[6 ** (order - 1), 5]`: contexts of A, C, G, T, end, start as digits 0 to 5, oldest
    first, and the next symbol A, C, G, T or end. Contexts that hold an end are never met in a gene and are left out.
    """
    suffix = "_laplace" if (smoothing, order) == ("laplace", 6) else ""
    released = np.load(real_data / "paper" / "ngram_counts" / f"order{order}{suffix}.npz")["counts"]
    rows = np.arange(5 ** (order - 1))
    source = np.zeros_like(rows)
    for place in range(order - 2, -1, -1):
        digit = rows // 5**place % 5
        source = source * 6 + np.where(digit == 0, 5, digit - 1)
    model = GeneNGramForCausalLM(GeneNGramConfig(order=order, smoothing=smoothing, paper=True)).double()
    model.counts.copy_(torch.from_numpy(np.roll(released[source], 1, axis=1)))
    return model


PAPER_PERPLEXITIES = {
    ("mle", 1): 3.995892420873019,
    ("mle", 2): 3.921454004294165,
    ("mle", 3): 3.8984796999031124,
    ("mle", 4): 3.8833813949079206,
    ("mle", 5): 3.872284693774787,
    ("mle", 6): math.inf,
    ("laplace", 6): 3.8616488768282546,
    ("laplace", 7): 3.839022537717976,
    ("laplace", 8): 3.8262975800581267,
}


@pytest.mark.parametrize(("smoothing", "order"), PAPER_PERPLEXITIES)
def test_the_papers_perplexities_to_the_last_digit(
    smoothing: str, order: int, real_data: Path, genes: list[str]
) -> None:
    model = paper_ngram(real_data, smoothing, order)
    nats, symbols = nats_and_symbols(score_genes(model, genes), model.config)
    assert paper_perplexity(nats, symbols) == pytest.approx(PAPER_PERPLEXITIES[smoothing, order], rel=1e-12)


def test_laplace_8_over_the_four_bases_alone(real_data: Path, genes: list[str]) -> None:
    scores = score_genes(paper_ngram(real_data, "laplace", 8), genes)
    assert 2 ** bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(3.7459, abs=5e-5)
    assert paper_perplexity(scores.whole_softmax_base_nats, scores.n_bases) == pytest.approx(3.7873, abs=5e-5)


@pytest.fixture(scope="module")
def laplace_8_on_pairs(real_data: Path) -> list[Measurement]:
    pairs = read_pairs([real_data / "paper" / "mutations"])
    given = TaskInput(model=paper_ngram(real_data, "laplace", 8), genes=genes_of())
    return list(Mutations().measure_pairs(pairs, given))


PAPER_ACCURACIES = {  # of Laplace 8 at K = 1, 5, 10, on the released pairs of two seeds
    ("419432", "accuracy_perplexity_rule"): (0.649, 0.749, 0.787),
    ("623598", "accuracy_perplexity_rule"): (0.647, 0.741, 0.793),
    ("419432", "accuracy_probability_rule"): (0.607, 0.680, 0.717),
    ("623598", "accuracy_probability_rule"): (0.585, 0.695, 0.723),
}


def test_the_papers_mutation_accuracies(laplace_8_on_pairs: list[Measurement]) -> None:
    found = {
        (row.stratum, row.metric): row.value
        for row in laplace_8_on_pairs
        if row.group == "pairs" and row.convention == "paper"
    }
    assert found == {
        (f"synthetic_{seed}_{k}_1000", metric): accuracy
        for (seed, metric), accuracies in PAPER_ACCURACIES.items()
        for k, accuracy in zip((1, 5, 10), accuracies, strict=True)
    }


def test_the_seeds_are_pooled_for_each_number_of_edits(laplace_8_on_pairs: list[Measurement]) -> None:
    pooled = {
        row.stratum: (row.value, row.n_genes)
        for row in laplace_8_on_pairs
        if (row.group, row.convention, row.metric) == ("max_edits", "paper", "accuracy_perplexity_rule")
    }
    assert pooled == {"1": (0.648, 2000), "5": (0.745, 2000), "10": (0.79, 2000)}
