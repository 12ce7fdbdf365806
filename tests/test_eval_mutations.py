"""The task "mutations": reading and making pairs, the two rules, both conventions."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from evaluated_genes import genes_of

from genelm.eval import GeneScores, TaskInput, mutation_accuracy
from genelm.eval.tasks import Mutations, PairSet, read_pairs
from genelm.storage import InputError

LSTM = SimpleNamespace(model_type="gene_rnn")
TRIGRAM = SimpleNamespace(model_type="gene_ngram", order=3)
HEADER = "NCBIGeneID,RealNucleotideSequence,MutatedNucleotideSequence\n"


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[float]]], list[list[str]]]:
    """Make the scorer look costs up: base nats, end nats, whole-softmax base nats, whole-softmax end nats."""

    def use(costs: dict[str, list[float]]) -> list[list[str]]:
        calls: list[list[str]] = []

        def score_genes(model: Any, sequences: list[str], **options: Any) -> GeneScores:
            calls.append(list(sequences))
            n_bases = [sum(sequence.count(base) for base in "ACGT") for sequence in sequences]
            return GeneScores(np.array(n_bases), *np.array([costs[sequence] for sequence in sequences], float).T)

        monkeypatch.setattr("genelm.eval.tasks.task.score_genes", score_genes)
        return calls

    return use


def _given(config: Any) -> TaskInput:
    model: Any = SimpleNamespace(config=config)
    return TaskInput(model=model, genes=genes_of())


def _accuracies(config: Any, pair_sets: list[PairSet]) -> dict[tuple[str, str, str], float]:
    rows = Mutations().measure_pairs(pair_sets, _given(config))
    return {(row.convention, row.metric.removeprefix("accuracy_"), row.stratum): row.value for row in rows}


def test_a_tie_is_wrong_and_so_is_a_pair_of_infinities() -> None:
    assert mutation_accuracy([1.0, 2.0, 3.0, np.inf], [2.0, 2.0, 2.0, np.inf]) == 1 / 4
    with pytest.raises(InputError, match="at least one pair"):
        mutation_accuracy([], [])


def test_rules_and_conventions_decide_as_defined(scored: Callable) -> None:
    # By hand: AAAA costs 4, 5 with its end; AA costs 2.2, 3 with its end. Whole softmax: 6 and 2.4; ends 1 and 4.
    scored({"AAAA": [4, 1, 6, 1], "AA": [2.2, 0.8, 2.4, 4]})
    pairs = [PairSet("synthetic_1_5_1", 5, ("AAAA",), ("AA",))]
    ours_and_lstm = {
        ("genelm", "perplexity_rule"): 1,  # 4/4 < 2.2/2
        ("genelm", "probability_rule"): 0,  # 5 > 3
        ("paper", "perplexity_rule"): 0,  # bases only: 6/4 > 2.4/2
        ("paper", "probability_rule"): 0,  # 6 > 2.4
    }
    lstm = _accuracies(LSTM, pairs)
    assert {key[:2]: value for key, value in lstm.items()} == ours_and_lstm
    # An n-gram's symbols are the bases and one end: 7/5 < 6.4/3, and 7 > 6.4 in total.
    trigram = _accuracies(TRIGRAM, pairs)
    assert trigram["paper", "perplexity_rule", "5"] == 1
    assert trigram["paper", "probability_rule", "5"] == 0


def test_every_sequence_is_scored_once_and_pairs_of_one_k_are_pooled(scored: Callable) -> None:
    calls = scored({"A": [1, 0, 1, 0], "C": [2, 0, 2, 0], "G": [1, 0, 1, 0]})
    pair_sets = [
        PairSet("synthetic_1_1_1", 1, ("A",), ("C",)),  # right
        PairSet("synthetic_2_1_3", 1, ("A", "C", "A"), ("G", "A", "A")),  # tie, wrong, identical
        PairSet("synthetic_1_5_1", 5, ("C",), ("A",)),  # wrong
    ]
    accuracies = _accuracies(LSTM, pair_sets)
    assert calls == [["A", "C", "G"]]
    by_stratum = {stratum: value for (convention, rule, stratum), value in accuracies.items() if convention == "paper"}
    assert by_stratum == {"synthetic_1_1_1": 1, "synthetic_2_1_3": 0, "synthetic_1_5_1": 0, "1": 1 / 4, "5": 0}


def test_sizes_and_interval(scored: Callable) -> None:
    scored({"AC": [1, 0, 1, 0], "CA": [2, 0, 2, 0]})
    pairs = PairSet("generated K=1 seed=0", 1, ("AC", "AC", "CA", "AC"), ("CA", "CA", "AC", "CA"))
    row = next(Mutations().measure_pairs([pairs], _given(LSTM)))
    assert (row.group, row.stratum, row.value, row.n_genes, row.n_bases) == ("pairs", pairs.name, 0.75, 4, 8)
    assert row.confidence_interval is not None
    low, high = row.confidence_interval
    assert 0 <= low < 0.75 < high <= 1


def test_a_pair_without_a_base_is_refused_by_name(scored: Callable) -> None:
    scored({"AC": [1, 0, 1, 0], "NN": [0, 0, 0, 0]})
    with pytest.raises(InputError, match="synthetic_1_1_1, pair 1, mutated, has no A, C, G or T"):
        _accuracies(LSTM, [PairSet("synthetic_1_1_1", 1, ("AC",), ("NN",))])


def test_read_folder_and_files(tmp_path: Path) -> None:
    (tmp_path / "synthetic_7_10_2.csv").write_text(HEADER + "1,<acg>,<ACT>\n2,<A>,<AC>\n")
    (tmp_path / "synthetic_7_1_1.csv").write_text(HEADER + "1,<ACG>,<ACN>\n")
    one, ten = read_pairs([tmp_path])
    assert one == PairSet("synthetic_7_1_1", 1, ("ACG",), ("ACN",))
    assert ten == PairSet("synthetic_7_10_2", 10, ("ACG", "A"), ("ACT", "AC"))
    assert read_pairs([tmp_path / "synthetic_7_1_1.csv"]) == [one]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pairs.csv", HEADER + "1,<A>,<C>\n", "not named synthetic_SEED_K_N.csv"),
        ("synthetic_1_1_1.csv", "NCBIGeneID,RealNucleotideSequence\n1,<A>\n", "no column MutatedNucleotideSequence"),
        ("synthetic_1_1_1.csv", "", "found: none"),
        ("synthetic_1_1_1.csv", HEADER, "has no pair"),
        ("synthetic_1_1_1.csv", HEADER + "1,<A>,<C>\n2,<A>\n", "line 3, has an empty sequence"),
        ("synthetic_1_1_1.csv", HEADER + "1,<A>,<C>\n2,<A>,<CZ>\n", "line 3, has 'Z'"),
        ("synthetic_1_1_1.csv", b"\xff\xfe", "not a readable CSV file"),
    ],
)
def test_unusable_files_are_refused_by_name(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as caught:
        read_pairs([tmp_path / name])
    assert str(tmp_path / name) in str(caught.value)


def test_missing_empty_and_repeated_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no CSV file"):
        read_pairs([tmp_path])
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs([tmp_path / "synthetic_1_1_1.csv"])
    (tmp_path / "synthetic_1_1_1.csv").write_text(HEADER + "1,<A>,<C>\n")
    with pytest.raises(InputError, match="given twice"):
        read_pairs([tmp_path, tmp_path / "synthetic_1_1_1.csv"])


def test_the_papers_pairs_are_read(real_data: Path) -> None:
    pair_sets = read_pairs([real_data / "paper" / "mutations"])
    assert [(pairs.name, pairs.max_edits, len(pairs.real)) for pairs in pair_sets] == [
        (f"synthetic_{seed}_{k}_1000", k, 1000) for k in (1, 5, 10) for seed in (419432, 623598)
    ]
    identical = {pairs.name: sum(map(str.__eq__, pairs.real, pairs.mutated)) for pairs in pair_sets}
    assert {name: count for name, count in identical.items() if count} == {"synthetic_623598_5_1000": 1}
    with open(real_data / "paper" / "mutations" / "synthetic_419432_1_1000.csv", newline="") as lines:
        assert f"<{pair_sets[0].mutated[0]}>" == next(csv.DictReader(lines))["MutatedNucleotideSequence"]
