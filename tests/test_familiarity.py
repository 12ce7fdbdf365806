"""Shares of 24-mers that occur in the training genes."""

import csv
from pathlib import Path

import numpy as np
import pytest

from genelm.dataset_scripts.similarity import canonical_kmers, familiarity
from genelm.dataset_scripts.similarity.familiarity import familiarity_strata, shared_fractions

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def _random_gene(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), size=length))


def _reverse(gene: str) -> str:
    return gene.translate(_COMPLEMENT)[::-1]


def test_shares_worked_by_hand() -> None:
    training = _random_gene(60, seed=0)
    other = training[24].translate(_COMPLEMENT) + _random_gene(23, seed=1)
    start = training[:24] + other  # 25 24-mers, of which the first is known
    shares = shared_fractions([training, training[10:40], start, _random_gene(60, seed=2)], [training])
    np.testing.assert_allclose(shares, [1, 1, 1 / 25, 0])


def test_the_other_strand_counts() -> None:
    training = _random_gene(60, seed=0)
    assert shared_fractions([_reverse(training)], [training]) == [1]
    assert shared_fractions([training[::-1]], [training]) == [0]


def test_24_mers_with_an_unknown_base_do_not_count_and_none_runs_over_the_end_of_a_gene() -> None:
    training = _random_gene(48, seed=0)
    masked = training[:24] + "N" + _random_gene(24, seed=1)  # two whole 24-mers are left
    np.testing.assert_allclose(shared_fractions([masked], [training]), [1 / 2])
    np.testing.assert_allclose(shared_fractions([training], [training[:24], training[24:]]), [2 / 25])


def test_a_gene_shorter_than_24_is_novel() -> None:
    training = _random_gene(60, seed=0)
    shares = shared_fractions([training[:23], "", training[:24]], [training, "ACG"])
    np.testing.assert_array_equal(shares, [0, 0, 1])
    assert shared_fractions(["ACGT"], ["ACGT"]) == [0]


def test_strata_and_their_borders() -> None:
    strata = familiarity_strata(np.array([0, 0.001, 0.5, 0.501, 1]))
    assert strata.tolist() == ["novel", "partly familiar", "partly familiar", "familiar", "familiar"]


def test_strata_of_the_papers_test_genes(real_data: Path) -> None:
    def sequences(name: str) -> list[str]:
        with open(real_data / "paper" / name, newline="") as lines:
            return [row["NucleotideSequence"].strip("<>") for row in csv.DictReader(lines)]

    test = sequences("genes_test.csv")
    shares = shared_fractions(test, sequences("genes_train_subset.csv"))
    strata = familiarity_strata(shares)
    lengths = np.array([len(sequence) for sequence in test])
    bases = {name: lengths[strata == name].sum() / lengths.sum() for name in ("novel", "familiar")}
    # Counted independently with Python sets of strings: 59 % and 4 % of 1,694,448 bases.
    assert bases == pytest.approx({"novel": 0.5894, "familiar": 0.0410}, abs=5e-5)


def test_shares_are_the_same_in_one_pass_or_many_and_in_batches_of_any_size(monkeypatch) -> None:
    training = [_random_gene(100, seed) for seed in range(40)]
    sequences = [gene[:50] + _random_gene(40, 99) for gene in training] + [_random_gene(100, 77)]
    expected = shared_fractions(sequences, training)
    known = {strand[i : i + 24] for gene in training for strand in (gene, _reverse(gene)) for i in range(77)}
    windows = [sequences[0][i : i + 24] for i in range(67)]
    assert expected[0] == pytest.approx(sum(window in known for window in windows) / 67)
    monkeypatch.setattr(familiarity, "PASS_BASES", 500)
    monkeypatch.setattr(canonical_kmers, "BATCH_BASES", 150)
    np.testing.assert_array_equal(shared_fractions(sequences, training), expected)
