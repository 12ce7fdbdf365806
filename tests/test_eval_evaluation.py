"""A model and a dataset folder in, a results object out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genelm.dataset_scripts import HumanGenesConfig, build_dataset, read_manifest
from genelm.eval import evaluate_model, find_measurement
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM
from genelm.storage import InputError

MODEL_INFO = {"name": "bigram", "model_type": "gene_ngram", "parameters": 0, "fingerprint": "ab"}
HEADER = "NCBIGeneID,RealNucleotideSequence,MutatedNucleotideSequence\n"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genes")
    build_dataset(HumanGenesConfig(source="simulated", num_genes=60, seed=1), folder, command="genelm data build")
    return folder


def _evaluate(dataset: Path, **changes: Any) -> dict[str, Any]:
    # Without counts, Laplace smoothing gives A, C, G, T and the end one fifth each.
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2))
    options: dict[str, Any] = {
        "model_info": MODEL_INFO,
        "dataset_folder": dataset,
        "split": "test",
        "command": "genelm evaluate",
    }
    return evaluate_model(model, **options | changes)


def test_a_uniform_model_has_the_figures_worked_by_hand(dataset: Path) -> None:
    results = _evaluate(dataset)
    everything = find_measurement(results, task="perplexity", metric="bits_per_base")
    assert everything is not None
    assert everything["value"] == pytest.approx(2)  # one of four equal letters
    papers = find_measurement(results, task="perplexity", metric="perplexity", convention="paper")
    assert papers is not None
    assert papers["value"] == pytest.approx(5)  # one of five equal symbols
    end = find_measurement(results, task="perplexity", metric="eos_bits_per_gene")
    assert end is not None
    bases_per_gene = everything["n_bases"] / everything["n_genes"]
    assert end["value"] == pytest.approx(np.log2(5) + bases_per_gene * np.log2(5 / 4))
    assert results["dataset"] == {
        "name": "human_genes",
        "fingerprint": read_manifest(dataset)["fingerprint"],
        "split": "test",
    }


def test_copies_with_edits_are_made_of_the_split(dataset: Path) -> None:
    results = _evaluate(dataset, tasks=["edits"], seed=7)
    row = find_measurement(results, task="edits", metric="accuracy", group="kind and edits", stratum="deletion, K = 1")
    assert row is not None
    assert (row["value"], row["n_genes"]) == (0.5, read_manifest(dataset)["splits"]["test"]["genes"])


def test_given_pairs_are_used_instead(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "synthetic_1_5_2.csv").write_text(HEADER + "1,<ACG>,<ACGTTT>\n2,<ACGTT>,<AC>\n")
    results = _evaluate(dataset, tasks=["mutations"], pairs=[tmp_path])
    rule = find_measurement(
        results, task="mutations", metric="accuracy_probability_rule", group="max_edits", stratum="5"
    )
    assert rule is not None
    assert (rule["value"], rule["n_genes"], rule["n_bases"]) == (0.5, 2, 8)  # a uniform model prefers the shorter one


def test_the_same_run_gives_the_same_results(dataset: Path) -> None:
    tasks = ["perplexity", "edits"]
    assert _evaluate(dataset, tasks=tasks) == _evaluate(dataset, tasks=tasks)


def test_unknown_tasks_and_pairs_without_their_task_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no task 'variants'; the tasks are perplexity, mutations, edits"):
        _evaluate(dataset, tasks=["variants"])
    with pytest.raises(InputError, match="task mutations is on the paper's pairs; give their files, or ask for edits"):
        _evaluate(dataset, tasks=["mutations"])
    with pytest.raises(InputError, match="task mutations is not asked for"):
        _evaluate(dataset, tasks=["perplexity"], pairs=[tmp_path])
