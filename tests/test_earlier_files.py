"""A dataset, models and results that earlier code wrote are read, and measured again they say the same."""

import shutil
from pathlib import Path

import pytest

import genelm
from genelm.dataset_scripts import load_split, read_manifest
from genelm.eval import Results

KEPT = Path(__file__).parent / "fixtures" / "before_tasks"
MODELS = ("mixture", "laplace", "gru")


def test_a_dataset_is_read() -> None:
    manifest = read_manifest(KEPT / "genes")
    sizes = {split: len(load_split(KEPT / "genes", split)) for split in ("train", "validation", "test")}
    assert sizes == {"train": 20, "validation": 8, "test": 12}
    assert manifest.fingerprint == Results.load(KEPT / "results" / "gru.json").dataset.fingerprint


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_and_is_measured_as_it_was(name: str, tmp_path: Path) -> None:
    before = Results.load(KEPT / "results" / f"{name}.json")
    assert before.gene_table is not None
    shutil.copytree(KEPT / name, tmp_path / name)
    now = genelm.evaluate(tmp_path / name, KEPT / "genes", split="test", tasks=["perplexity", "edits"])
    assert now.model == before.model
    assert now.dataset == before.dataset
    assert len(now.measurements) == len(before.measurements)
    for row in before.measurements:
        again = now.find(
            task=row.task, metric=row.metric, convention=row.convention, group=row.group, stratum=row.stratum
        )
        assert again is not None
        assert (again.n_genes, again.n_bases, again.units) == (row.n_genes, row.n_bases, row.units)
        # Sums of float32 differ in the last bits from processor to processor, and may decide a pair in a hundred.
        assert again.value == pytest.approx(
            row.value, **({"rel": 1e-5} if row.task == "perplexity" else {"abs": 0.01})
        )
        assert (again.confidence_interval is None) == (row.confidence_interval is None)


def test_results_are_laid_side_by_side(tmp_path: Path) -> None:
    genelm.report([KEPT / "results"], tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert all(f"| {name} |" in page for name in MODELS)
    assert "## Bits per base more than mixture" in page
