"""Splits are partitions that depend on names and seed alone, and none tears a gene or a cluster apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.building.splitting import split_at_random, split_by_chromosome, split_by_cluster
from genelm.dataset_scripts.genes.gene_schema import SPLITS
from genelm.storage import InputError

FRACTIONS = (0.6, 0.2, 0.2)


@given(st.lists(st.text(max_size=4), unique=True), st.integers(0, 2**32), st.randoms())
def test_a_random_split_is_a_partition_that_depends_on_ids_and_seed_alone(gene_ids, seed, random):
    split = split_at_random(gene_ids, FRACTIONS, seed)
    assert sorted(i for part in split.values() for i in part) == list(range(len(gene_ids)))
    for name, fraction in zip(SPLITS, FRACTIONS, strict=True):
        assert abs(len(split[name]) - fraction * len(gene_ids)) <= 1
        assert split[name] == sorted(split[name])

    shuffled = random.sample(gene_ids, len(gene_ids))
    again = split_at_random(shuffled, FRACTIONS, seed)
    for name, part in split.items():
        assert {gene_ids[i] for i in part} == {shuffled[i] for i in again[name]}


def test_another_seed_gives_another_split():
    gene_ids = [str(i) for i in range(100)]
    assert split_at_random(gene_ids, FRACTIONS, 0) != split_at_random(gene_ids, FRACTIONS, 1)


def test_windows_of_one_gene_go_into_one_split():
    parents = [str(i // 3) for i in range(90)]
    split = split_at_random(parents, FRACTIONS, 0)
    assert {name: len(part) for name, part in split.items()} == {"train": 54, "validation": 18, "test": 18}
    assert sum(len({parents[i] for i in part}) for part in split.values()) == 30


@given(st.lists(st.integers(0, 20), min_size=1), st.integers(0, 100))
def test_no_cluster_is_in_two_splits_and_no_gene_is_lost(labels, seed):
    ids = [f"g{i}" for i in range(len(labels))]
    split = split_by_cluster(np.array(labels), ids, FRACTIONS, seed)
    assert sorted(i for part in split.values() for i in part) == list(range(len(labels)))
    assert sum(len({labels[i] for i in part}) for part in split.values()) == len(set(labels))


def test_clusters_of_all_sizes_fill_the_shares_and_the_largest_are_in_training():
    sizes = [300, *[10] * 20, *[1] * 500]
    labels = np.repeat(np.arange(len(sizes)), sizes)
    ids = [f"g{i}" for i in range(len(labels))]
    split = split_by_cluster(labels, ids, FRACTIONS, 0)
    assert [len(split[name]) for name in SPLITS] == pytest.approx([600, 200, 200], abs=10)
    assert set(range(300)) <= set(split["train"])
    assert any((labels[split["test"]] == label).sum() >= 10 for label in range(1, 21))
    assert split != split_by_cluster(labels, ids, FRACTIONS, 1)


def test_chromosomes_are_put_aside():
    chromosomes = ["1", "8", None, "9", "X", "8"]
    assert split_by_chromosome(chromosomes, ["8"], ["9", "X"]) == {
        "train": [0],
        "validation": [1, 5],
        "test": [3, 4],
    }
    with pytest.raises(InputError, match="No gene lies on chromosome chr8; the genes' chromosomes are 1, 8, 9, X"):
        split_by_chromosome(chromosomes, ["chr8"], ["9"])
