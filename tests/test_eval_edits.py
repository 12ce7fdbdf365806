"""The task "edits": what copies are made, and what models of known worth get."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from evaluated_genes import genes_of
from hypothesis import given
from hypothesis import strategies as st

from genelm.eval import GeneScores, Measurement, TaskInput, pair_accuracy, pair_auroc
from genelm.eval.tasks import Edits, make_edited_pairs
from genelm.eval.tasks.edits import KINDS, NUMBERS_OF_EDITS
from genelm.storage import InputError

GENES = ["".join(np.random.default_rng(i).choice(list("ACGT"), size=40 + i)) for i in range(60)]


def _hamming(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _holds(longer: str, shorter: str) -> bool:
    letters = iter(longer)
    return all(letter in letters for letter in shorter)


def test_copies_have_the_edits_their_set_says() -> None:
    pairs = make_edited_pairs(GENES, seed=0)
    assert [(made.kind, made.n_edits) for made in pairs] == [(kind, n) for n in NUMBERS_OF_EDITS for kind in KINDS]
    for made in pairs:
        assert len(set(made.genes.tolist())) == len(made.real) == len(GENES)
        for gene, real, edited in zip(made.genes, made.real, made.edited, strict=True):
            assert real == GENES[gene]
            if made.kind == "substitution":
                assert _hamming(real, edited) == made.n_edits
            elif made.kind == "swap":
                assert _hamming(real, edited) == 2 * made.n_edits
                assert Counter(real) == Counter(edited)
            else:
                shorter, longer = sorted((real, edited), key=len)
                assert (made.kind == "insertion") == (longer == edited)
                assert len(longer) - len(shorter) == made.n_edits
                assert _holds(longer, shorter)


def test_pairs_are_a_function_of_the_seed() -> None:
    first, again, other = (make_edited_pairs(GENES, seed=seed) for seed in (1, 1, 2))
    assert [made.edited for made in first] == [made.edited for made in again]
    assert [made.edited for made in first] != [made.edited for made in other]


def test_genes_that_cannot_be_edited_are_left_out() -> None:
    pairs = make_edited_pairs(["A" * 30, "AC", "NNNACGNNN"], seed=0)
    sizes = {(made.kind, made.n_edits): len(made.real) for made in pairs}
    one = {(kind, 1): 2 for kind in ("substitution", "insertion", "deletion")} | {("swap", 1): 1}  # nothing in A...A
    assert sizes == one | {(kind, n): 1 for kind in ("substitution", "insertion", "deletion") for n in (5, 10)}


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_accuracy_and_auroc_are_the_shares_they_are_defined_as(differences: list[int]) -> None:
    found = np.array(differences, dtype=float)
    assert pair_accuracy(found) == pytest.approx(np.mean([1 if d > 0 else 0.5 if d == 0 else 0 for d in differences]))
    wins = [1 if d > -e else 0.5 if d == -e else 0 for d in differences for e in differences]
    assert pair_auroc(found) == pytest.approx(np.mean(wins))


def test_infinities_and_what_is_less_than_a_tie() -> None:
    assert pair_accuracy(np.array([np.inf, -np.inf, np.nan, 1e-9])) == (1 + 0 + 0.5 + 0.5) / 4
    assert pair_auroc(np.array([np.inf, np.nan])) == 0.875  # of the four pairs of pairs, three are won and one is tied


def _measured(monkeypatch: pytest.MonkeyPatch, bits: Any) -> list[Measurement]:
    """Measure a model that finds a sequence as costly as `bits` says, in bits a base."""

    def score_genes(model: Any, sequences: list[str], **options: Any) -> GeneScores:
        n_bases = np.array([len(sequence) for sequence in sequences])
        nats = n_bases * np.array([bits(sequence) for sequence in sequences]) * math.log(2)
        return GeneScores(n_bases, nats, *np.zeros((3, len(sequences))))

    monkeypatch.setattr("genelm.eval.tasks.task.score_genes", score_genes)
    familiarity = ["novel", "familiar", "partly familiar"] * 20
    genes = genes_of(GENES, familiarity=familiarity, clusters=[str(i // 2) for i in range(60)])
    given = TaskInput(model=torch.nn.Module(), genes=genes)
    task = Edits()
    task.check(given)
    return list(task.measure(given))


def test_an_oracle_is_always_right_and_a_uniform_model_guesses_in_every_stratum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = set(GENES)
    for bits, expected in ((lambda gene: 1.0 if gene in known else 1.5, 1.0), (lambda gene: 2.0, 0.5)):
        measurements = _measured(monkeypatch, bits)
        assert {m.value for m in measurements} == {expected}
        assert {m.confidence_interval for m in measurements} == {(expected, expected)}
    strata = Counter(m.group for m in measurements if m.metric == "accuracy")
    assert strata == {"all": 1, "kind": 4, "edits": 3, "kind and edits": 12, "familiarity": 3}


def test_a_model_that_guesses_at_random_has_one_half_within_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    (everything,) = [
        m for m in _measured(monkeypatch, lambda gene: generator.random()) if (m.group, m.metric) == ("all", "auroc")
    ]
    assert everything.confidence_interval is not None
    low, high = everything.confidence_interval
    assert low < 0.5 < high
    assert everything.n_genes == 12 * 60


def test_a_split_without_a_gene_to_edit_is_refused() -> None:
    with pytest.raises(InputError, match="No gene of the split has enough bases"):
        Edits().check(TaskInput(model=torch.nn.Module(), genes=genes_of(["AC"])))
