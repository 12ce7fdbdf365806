"""Baselines: uniform bases, n-grams and compressors, in results files like those of any model."""

import lzma
import random
from pathlib import Path

import pytest

from genelm.dataset_scripts import GeneDatasetConfig, build_dataset, load_split
from genelm.eval import Results, measure_baselines, read_results
from genelm.modeling import model_fingerprint, save_model_folder
from genelm.storage import InputError
from genelm.tokenization import load_tokenizer
from genelm.training import fit_ngram


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty random genes; the test genes are parts of training genes, but for the last."""
    draw = random.Random(0)
    folder = tmp_path_factory.mktemp("genes")
    training = ["".join(draw.choices("ACGT", k=400)) for _ in range(40)]
    test = [gene[50:350] for gene in training[:9]] + ["".join(draw.choices("ACGT", k=300))]
    files = {}
    for split, genes in (("train", training), ("validation", ["ACGT" * 30]), ("test", test)):
        files[split] = [folder / f"{split}.csv"]
        rows = [f"{split}{i},PSEUDO,{gene}" for i, gene in enumerate(genes)]
        files[split][0].write_text("\n".join(["gene_id,gene_type,sequence", *rows]) + "\n")
    (folder / "d").mkdir()
    build_dataset(GeneDatasetConfig(source="csv", cluster_with="none", **files), folder / "d", command="a test")
    return folder / "d"


def _bits(path: Path, group: str = "all", stratum: str = "all") -> float:
    row = read_results(path).find(task="perplexity", metric="bits_per_base", group=group, stratum=stratum)
    assert row is not None
    return row.value


def test_every_baseline_has_its_results(dataset: Path, tmp_path: Path) -> None:
    paths = list(
        measure_baselines(dataset, "test", tmp_path, tasks=["perplexity", "edits"], orders=[0, 2], command="a test")
    )
    names = ["uniform", "markov0", "markov2", "mixture", "xz", "zstd"]
    assert [path.name for path in paths] == [f"{name}.json" for name in names]
    assert _bits(tmp_path / "uniform.json") == pytest.approx(2)
    guesses = read_results(tmp_path / "uniform.json").find(task="edits", metric="accuracy")
    assert guesses is not None
    assert guesses.value == 0.5
    assert Results.load(tmp_path / "markov2.json").gene_table is not None
    assert _bits(tmp_path / "mixture.json") < _bits(tmp_path / "markov2.json")
    # A compressor finds what training holds, and needs more than two bits for what it does not.
    for name in ("xz", "zstd"):
        assert _bits(tmp_path / f"{name}.json", "familiarity", "familiar") < 0.3
        assert 2 < _bits(tmp_path / f"{name}.json", "familiarity", "novel") < 3
    assert not read_results(tmp_path / "xz.json").of("edits")


def test_the_mixture_is_measured_on_genes_it_was_not_fitted_to(dataset: Path, tmp_path: Path) -> None:
    paths = measure_baselines(dataset, "validation", tmp_path, orders=[0], command="a test")
    assert "mixture.json" not in [path.name for path in paths]


def test_the_mixture_is_that_of_ngram_fit(dataset: Path, tmp_path: Path) -> None:
    list(measure_baselines(dataset, "test", tmp_path, orders=[], command="a test"))
    model, record = fit_ngram(dataset, {"smoothing": "mixture"})
    save_model_folder(tmp_path / "mixture", model, load_tokenizer(), record)
    measured = read_results(tmp_path / "mixture.json").model.fingerprint
    assert measured == model_fingerprint(tmp_path / "mixture")


def test_xz_is_the_difference_of_two_compressed_files(dataset: Path, tmp_path: Path) -> None:
    list(measure_baselines(dataset, "test", tmp_path, orders=[], command="a test"))
    train, test = (
        "".join(f"{gene}\n" for gene in load_split(dataset, split)["sequence"]) for split in ("train", "test")
    )
    alone, both = (len(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)) for text in (train, train + test))
    # The end of the last line is all that differs.
    assert _bits(tmp_path / "xz.json") == pytest.approx(8 * (both - alone) / 3000, abs=8 * 4 / 3000)


def test_an_order_that_cannot_be_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="This Markov model cannot be"):
        list(measure_baselines(dataset, "test", tmp_path, orders=[-1], command="a test"))
