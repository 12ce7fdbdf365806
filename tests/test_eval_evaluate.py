"""A model and a dataset folder in, a results object out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_runs import launcher, start
from transformers import set_seed

from genelm.dataset_scripts import GeneDatasetConfig, build_dataset, load_split, read_manifest
from genelm.eval import MeasuredDataset, MeasuredModel, Results, evaluate, evaluate_model, read_results
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, GeneRNNConfig, GeneRNNForCausalLM, default_config
from genelm.storage import InputError
from genelm.tokenization import load_tokenizer

MEASURED = MeasuredModel(name="bigram", model_type="gene_ngram", parameters=0, fingerprint="ab")
HEADER = "NCBIGeneID,RealNucleotideSequence,MutatedNucleotideSequence\n"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genes")
    build_dataset(GeneDatasetConfig(source="simulated", num_genes=60, seed=1), folder, command="genelm data build")
    return folder


def _evaluate(dataset: Path, **changes: Any) -> Results:
    # Without counts, Laplace smoothing gives A, C, G, T and the end one fifth each.
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2))
    options: dict[str, Any] = {
        "model": model,
        "measured_model": MEASURED,
        "dataset_folder": dataset,
        "split": "test",
        "command": "genelm evaluate",
    }
    return evaluate_model(**options | changes)


def test_a_uniform_model_has_the_figures_worked_by_hand(dataset: Path) -> None:
    results = _evaluate(dataset)
    everything = results.find(task="perplexity", metric="bits_per_base")
    assert everything is not None
    assert everything.value == pytest.approx(2)  # one of four equal letters
    papers = results.find(task="perplexity", metric="perplexity", convention="paper")
    assert papers is not None
    assert papers.value == pytest.approx(5)  # one of five equal symbols
    end = results.find(task="perplexity", metric="eos_bits_per_gene")
    assert end is not None
    bases_per_gene = everything.n_bases / everything.n_genes
    assert end.value == pytest.approx(np.log2(5) + bases_per_gene * np.log2(5 / 4))
    fingerprint = read_manifest(dataset).fingerprint
    assert results.dataset == MeasuredDataset(name="human_genes", fingerprint=fingerprint, split="test")


def test_two_processes_find_what_one_finds(small_dataset: Path, tmp_path: Path) -> None:
    set_seed(0)
    GeneRNNForCausalLM(GeneRNNConfig(embedding_size=4, hidden_size=8)).save_pretrained(tmp_path / "lstm")
    load_tokenizer().save_pretrained(tmp_path / "lstm")
    tasks = ["--task", "perplexity", "--task", "edits", "--task", "generation"]
    for processes in (1, 2):
        places = ["lstm", "--data", str(small_dataset), "--output", f"{processes}.json"]
        command = [*launcher(processes), "-m", "genelm.cli", "evaluate", *places, *tasks]
        assert start(command, cwd=tmp_path).wait() == 0
    one, two = (read_results(tmp_path / f"{processes}.json") for processes in (1, 2))
    assert one.measurements == two.measurements
    assert {row.task for row in one.measurements} == {"perplexity", "edits", "generation"}


def test_copies_with_edits_are_made_of_the_split(dataset: Path) -> None:
    results = _evaluate(dataset, tasks=["edits"], seed=7)
    row = results.find(task="edits", metric="accuracy", group="kind and edits", stratum="deletion, K = 1")
    assert row is not None
    assert (row.value, row.n_genes) == (0.5, read_manifest(dataset).splits["test"].genes)


def test_given_pairs_are_used_instead(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "synthetic_1_5_2.csv").write_text(HEADER + "1,<ACG>,<ACGTTT>\n2,<ACGTT>,<AC>\n")
    results = _evaluate(dataset, tasks=["mutations"], pairs=[tmp_path])
    rule = results.find(task="mutations", metric="accuracy_probability_rule", group="max_edits", stratum="5")
    assert rule is not None
    assert (rule.value, rule.n_genes, rule.n_bases) == (0.5, 2, 8)  # a uniform model prefers the shorter one


def test_written_genes_stand_beside_held_out_and_shuffled_ones(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genelm.eval.tasks.generation.NUM_GENES", 6)
    results = _evaluate(dataset, tasks=["generation"])
    found = {
        source: results.find(task="generation", metric="gc", group="source", stratum=source)
        for source in ("written", "held-out genes", "shuffled genes")
    }
    assert all(row is not None and row.n_genes == 6 for row in found.values())
    # Shuffling keeps the letters.
    assert found["held-out genes"].value == found["shuffled genes"].value  # type: ignore[index]


def test_written_genes_are_similar_to_training_genes_as_the_genes_of_the_dataset_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {}
    for name, options in (
        ("usual", {}),
        ("identity", {"identity": 0.95}),
        ("coverage", {"coverage": 0.95}),
        ("unsought", {"identity": 0.95, "cluster_with": "none"}),
    ):
        (tmp_path / name).mkdir()
        config = GeneDatasetConfig(source="simulated", num_genes=60, seed=1, split="random", **options)
        build_dataset(config, tmp_path / name, command="genelm data build")
        training = load_split(tmp_path / name, "train")["sequence"][:6]
        # Of three every twelfth letter is another, and of three the last third.
        written = []
        for number, gene in enumerate(training):
            letters = np.array([*gene])
            changed = slice(None, None, 12) if number % 2 else slice(len(gene) * 2 // 3, None)
            letters[changed] = [*"".join(letters[changed]).translate(str.maketrans("ACGT", "CGTA"))]
            written.append(("".join(letters), True))
        monkeypatch.setattr("genelm.eval.tasks.generation.sample_genes", lambda *_, written=written, **__: written)
        results = _evaluate(tmp_path / name, tasks=["generation"])
        row = results.find(task="generation", metric="similar_to_training", group="source", stratum="written")
        assert row is not None
        shares[name] = row.value
    assert shares == {"usual": 1, "identity": 0.5, "coverage": 0.5, "unsought": 1}


def test_probing_needs_classes_and_takes_k_mers_where_there_are_no_hidden_states(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["gene_id,symbol,gene_type,sequence"]
    for i in range(80):
        letters, gene_type = (("AC", "ncRNA"), ("GT", "PSEUDO"))[i % 2]
        lines.append(f"g{i},LOC{i},{gene_type},{''.join(draw.choice(list(letters), size=60))}")
    (tmp_path / "test.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "train.csv").write_text("gene_id,sequence\nt,ACGTACGT\n")
    (tmp_path / "validation.csv").write_text("gene_id,sequence\nv,ACGTACGTTT\n")
    files = {split: [tmp_path / f"{split}.csv"] for split in ("train", "validation", "test")}
    (tmp_path / "d").mkdir()
    build_dataset(GeneDatasetConfig(source="csv", cluster_with="none", **files), tmp_path / "d", command="a test")
    results = _evaluate(tmp_path / "d", tasks=["probing"])
    unsought, note = results.notes
    assert unsought.startswith("Similar genes were not sought, so intervals take them for independent")
    assert note.startswith("Probing needs two classes of gene_family")
    row = results.find(task="probing", metric="linear_balanced_accuracy", group="gene_type")
    assert row is not None
    assert row.value == 1
    with pytest.raises(InputError, match="which the validation split has not; leave the task probing out"):
        _evaluate(tmp_path / "d", tasks=["probing"], split="validation")


def test_what_a_reader_has_to_know_is_noted(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "synthetic_1_5_2.csv").write_text(HEADER + "1,<ACG>,<ACG>\n2,<ACGTT>,<AC>\n")
    elsewhere = replace(MEASURED, trained_on="another")
    notes = _evaluate(dataset, tasks=["mutations"], pairs=[tmp_path], measured_model=elsewhere).notes
    assert "trained on another dataset" in notes[0]
    assert notes[1:] == ["Pairs that hold the same sequence twice, and so count as not found: 1."]
    here = replace(MEASURED, trained_on=read_manifest(dataset).fingerprint)
    assert _evaluate(dataset, measured_model=here).notes == []


def test_weights_fitted_on_the_genes_that_are_measured_are_noted(dataset: Path) -> None:
    model = GeneNGramForCausalLM(default_config("interpolated")).count([torch.tensor([4, 5, 6, 7])])
    notes = [_evaluate(dataset, model=model, split=split).notes for split in ("validation", "test")]
    assert [any("fitted on validation genes" in note for note in some) for some in notes] == [True, False]


def test_genes_of_the_training_split_are_noted(dataset: Path) -> None:
    genes = ["ACGTTGCAAC", "CCATGGTTAA"]
    notes = evaluate._notes(MEASURED, read_manifest(dataset), genes, ["GTTGCAACGT"])
    assert notes == ["1 of 2 genes are in the training split as well, on either strand."]


def test_the_same_run_gives_the_same_results(dataset: Path) -> None:
    tasks = ["perplexity", "edits"]
    assert _evaluate(dataset, tasks=tasks) == _evaluate(dataset, tasks=tasks)


def test_unknown_tasks_and_pairs_without_their_task_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no task 'variants'; the tasks are perplexity, edits, mutations"):
        _evaluate(dataset, tasks=["variants"])
    with pytest.raises(InputError, match="task mutations is on the paper's pairs; give their files, or ask for edits"):
        _evaluate(dataset, tasks=["mutations"])
    with pytest.raises(InputError, match="task mutations is not asked for"):
        _evaluate(dataset, tasks=["perplexity"], pairs=[tmp_path])
