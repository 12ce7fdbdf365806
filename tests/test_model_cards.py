"""Cards: every number in them comes from the files, and the header is what the Hub reads."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import evaluated_genes
import pytest
import torch
from datasets import load_dataset
from evaluated_genes import measurement
from huggingface_hub import DatasetCard, ModelCard
from transformers import GPT2Config, GPT2LMHeadModel
from typer.testing import CliRunner

from genelm.cli.main import app
from genelm.dataset_scripts import FEATURES
from genelm.dataset_scripts.genes.manifest import DataFile, LengthSpread, Manifest, SplitFacts
from genelm.eval import Measurement, Results
from genelm.model_cards import render_dataset_card, render_model_card
from genelm.model_cards.cards import NEWEST_TRANSFORMERS, OLDEST_TRANSFORMERS, version_tag
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, model_fingerprint
from genelm.storage import InputError
from genelm.tokenization import load_tokenizer


def manifest(**changed: Any) -> Manifest:
    def split(name: str, genes: int, gene_types: dict[str, int]) -> SplitFacts:
        return SplitFacts(
            files=[DataFile(file=f"data/{name}-00000-of-00001.parquet", sha256=name[0] * 64)],
            genes=genes,
            bases=genes * 300,
            gene_types=gene_types,
            sources={"T.csv": genes},
            letters={"A": genes * 90, "C": genes * 60, "G": genes * 60, "T": genes * 90, "other": 0},
            clusters=genes,
            length=LengthSpread(min=4, median=300.5, max=1000),
        )

    values: dict[str, Any] = {
        "name": "small_genes",
        "source": "csv",
        "command": "genelm data build --source csv --train T.csv --output small_genes",
        "seed": 7,
        "config": {"max_length": 1000},
        "origin": {"license": "public domain", "citation": "Someone et al., 2020", "assembly": "GCF_1.2"},
        "packages": {"genelm": "0.1.0"},
        "inputs": [{"file": "T.csv", "sha256": "a" * 64, "bytes": 12345, "rows": 1250}],
        "dropped": {"train": {"duplicate": 11, "too long": 0}, "validation": {"too long": 3}, "test": {}},
        "splits": {
            "train": split("train", 1200, {"PSEUDO": 1190, "snoRNA": 10}),
            "validation": split("validation", 20, {"PSEUDO": 20}),
            "test": split("test", 30, {"a|b": 30}),
        },
        "similar_to_training": {"validation": 3, "test": 6},
        "fingerprint": "f" * 64,
    }
    return Manifest(**values | changed)


def leakage(split: str = "random", cluster_with: str = "mmseqs2") -> dict[str, Any]:
    def facts(genes: int, similar: int) -> dict[str, Any]:
        strata = {name: {"genes": n, "bases": n * 300} for name, n in (("novel", genes - 3), ("familiar", 3))}
        return {"genes": genes, "similar_to_training": similar, "strata": strata}

    return {
        "word_length": 24,
        "strata": ["novel", "familiar"],
        "search": {"cluster_with": cluster_with, "identity": 0.8, "coverage": 0.5, "split": split},
        "splits": {"validation": facts(20, 3), "test": facts(30, 6)},
    }


def results_of(folder: Path, measurements: list[Measurement]) -> Results:
    fingerprint = model_fingerprint(folder)
    return evaluated_genes.results_of(measurements, model_fingerprint=fingerprint, dataset="small genes")


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "tiny"
    config = GPT2Config(vocab_size=8, n_positions=64, n_embd=8, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=3)
    GPT2LMHeadModel(config).save_pretrained(folder)
    load_tokenizer().save_pretrained(folder)
    return folder


def table_rows(card: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in card.splitlines() if line[:1] == "|"]


def test_a_dataset_built_anew_is_loaded_anew(tmp_path: Path) -> None:
    runner, folder = CliRunner(), tmp_path / "genes"
    for number in (60, 90):
        options = ["--source", "simulated", "--num-genes", str(number), "--output", str(folder)]
        assert runner.invoke(app, ["data", "build", *options]).exit_code == 0
        loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        assert sum(len(loaded[split]) for split in loaded) == number


def test_the_header_of_a_dataset_card_lists_the_files_of_each_split() -> None:
    header = DatasetCard(render_dataset_card(manifest(), leakage())).data
    assert header.configs == [
        {
            "config_name": "default",
            "description": f"fingerprint {manifest().fingerprint}",
            "data_files": [
                {"split": "train", "path": ["data/train-00000-of-00001.parquet"]},
                {"split": "validation", "path": ["data/validation-00000-of-00001.parquet"]},
                {"split": "test", "path": ["data/test-00000-of-00001.parquet"]},
            ],
        }
    ]
    assert header.size_categories == ["1K<n<10K"]
    assert header.task_categories == ["text-generation"]
    assert header.tags == ["dna", "genomics", "biology", "genes"]


def test_a_dataset_card_shows_counts_drops_and_checksums_of_the_manifest() -> None:
    card = render_dataset_card(manifest(), leakage())
    rows = table_rows(card)
    assert ["train", "1,200", "360,000", "4", "300.5", "1,000"] in rows
    assert ["PSEUDO", "1,190", "20", "0"] in rows
    assert ["a\\|b", "0", "0", "30"] in rows
    assert ["Reason", "train", "validation"] in rows
    assert ["duplicate", "11", "0"] in rows
    assert ["too long", "0", "3"] in rows
    assert ["T.csv", "1,250", "12,345", f"`{'a' * 64}`"] in rows
    assert f"`{'f' * 64}`" in card
    assert ["A", "30.0%", "30.0%", "30.0%"] in rows
    assert manifest().command in card
    assert "seed 7" in card
    assert "simulated" not in card


def test_a_dataset_card_shows_leakage_license_and_citation() -> None:
    card = render_dataset_card(manifest(), leakage())
    assert ["test", "30", "27 (90.0%)", "3 (10.0%)", "6 (20.0%)"] in table_rows(card)
    assert "at least 80 % of bases equal over at least 50 % of either gene" in card
    assert "found with MMseqs2" in card
    assert "Related genes can lie in different splits" in card
    assert "Related genes can lie" not in render_dataset_card(manifest(), leakage(split="similarity"))
    assert "![" in card
    assert "leakage.png" in card
    for said in ("public domain", "Someone et al., 2020", "GCF_1.2"):
        assert said in card


def test_a_dataset_card_names_the_searches_that_there_were() -> None:
    for split, searches in (("random", "k-mer search)"), ("similarity", "k-mer search and MMseqs2)")):
        assert searches in render_dataset_card(manifest(), leakage(split=split, cluster_with="both"))


def test_a_dataset_card_says_when_no_license_is_stated() -> None:
    assert "not stated; the terms of the source apply" in render_dataset_card(manifest(origin={}), leakage())


def test_a_dataset_card_explains_every_column() -> None:
    fields = render_dataset_card(manifest(), leakage()).split("## Fields")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", fields)) - {"sequence"} >= set(FEATURES) - {"sequence"}
    assert "`sequence` |" in fields


def test_the_card_of_simulated_genes_says_so_first() -> None:
    card = render_dataset_card(manifest(source="simulated", inputs=[], dropped={}), leakage())
    first_paragraph = DatasetCard(card).text.strip().split("\n\n")[1]
    assert first_paragraph.startswith("**The genes of this dataset are simulated.**")
    assert "from seed 7" in first_paragraph
    assert "genes" not in DatasetCard(card).data.tags
    assert "Nothing was dropped." in card
    assert "There was no input file." in card


def test_a_model_card_shows_novel_and_familiar_genes_apart(gpt2: Path) -> None:
    novel = {"group": "familiarity", "stratum": "novel", "n_genes": 10, "n_bases": 3000}
    card = render_model_card(
        gpt2,
        [
            results_of(
                gpt2,
                [
                    measurement("bits_per_base", 1.25, confidence_interval=(1.2, 1.3)),
                    measurement("perplexity", 2**1.25),
                    measurement("bits_per_base", 1.93, **novel),
                    measurement("perplexity", float("inf"), convention="paper"),
                    measurement("bits_per_base", 1.5, group="gene_type", stratum="snoRNA"),
                    measurement("accuracy_perplexity_rule", 0.75, task="mutations", group="max_edits", stratum="5"),
                ],
            )
        ],
    )
    rows = table_rows(card)
    assert ["Genes", "Bits per base", "Perplexity", "Number of genes", "Bases"] in rows
    assert ["all", "1.2500 (1.2000 to 1.3000)", "2.3784", "30", "9,000"] in rows
    assert ["novel", "1.9300", "", "10", "3,000"] in rows
    assert ["all, paper convention", "", "∞", "30", "9,000"] in rows
    assert ["type snoRNA", "1.5000", "", "30", "9,000"] in rows
    assert ["Pairs", "Pairwise accuracy, perplexity rule", "Number of pairs", "Bases"] in rows
    assert ["at most 5 changes", "0.7500", "30", "9,000"] in rows
    entries = {entry.metric_name: entry.metric_value for entry in ModelCard(card).data.eval_results}
    assert entries == {
        "Bits per base (all)": 1.25,
        "Perplexity (all)": 2**1.25,
        "Bits per base (novel)": 1.93,
        "Pairwise accuracy, perplexity rule (at most 5 changes)": 0.75,
    }


def test_a_stock_model_needs_no_remote_code(gpt2: Path) -> None:
    card = render_model_card(gpt2, [], "tester/gene-gpt2")
    header = ModelCard(card).data
    assert (header.pipeline_tag, header.library_name) == ("text-generation", "transformers")
    assert f'pipeline("text-generation", model="tester/gene-gpt2", revision="{version_tag(gpt2)}")' in card
    assert "trust_remote_code" not in card
    assert ["n_layer", "1"] in table_rows(card)
    # Embeddings 8 x 8 (tied head) and 64 x 8; one block of 12 x 8^2 + 13 x 8; the last layer norm 2 x 8.
    assert ["numbers in the weights files", f"{64 + 512 + 872 + 16:,}"] in table_rows(card)
    assert "at most 64 tokens" in card
    assert "Nothing has been measured with genelm yet." in card


def test_the_license_is_what_the_publisher_says(gpt2: Path) -> None:
    card = render_model_card(gpt2, [], "tester/gene-gpt2", "cc-by-4.0")
    assert ModelCard(card).data.license == "cc-by-4.0"
    assert card.endswith("## License\n\ncc-by-4.0.\n")
    silent = render_model_card(gpt2, [])
    assert "license" not in ModelCard(silent).data.to_dict()
    assert silent.endswith("## License\n\nOf the weights none is stated; ask whoever published them.\n")


def test_a_family_of_ours_needs_its_code(tmp_path: Path) -> None:
    GeneNGramForCausalLM(GeneNGramConfig(order=3)).save_pretrained(tmp_path / "ngram")
    card = render_model_card(tmp_path / "ngram", [], "tester/trigram")
    tag = version_tag(tmp_path / "ngram")
    assert card.count(f'"tester/trigram", revision="{tag}", trust_remote_code=True') == 3
    assert "revision" not in render_model_card(tmp_path / "ngram", []).partition("first. With the id")[0]
    assert "from the 2 bases before it" in card
    assert "The code in this folder is genelm's, Apache-2.0." in card


@pytest.mark.parametrize(
    ("smoothing", "settings"),
    [
        ("mle", {"order", "smoothing", "paper"}),
        ("laplace", {"order", "smoothing", "paper", "pseudocount"}),
        ("interpolated", {"order", "smoothing", "both_strands", "index_size", "format_version"}),
        ("mixture", {"order", "smoothing", "both_strands", "index_size", "format_version", "own_gene"}),
    ],
)
def test_a_card_has_the_settings_of_its_smoothing_alone(smoothing: str, settings: set[str], tmp_path: Path) -> None:
    GeneNGramForCausalLM(GeneNGramConfig(order=3, smoothing=smoothing)).save_pretrained(tmp_path)
    shown = {row[0] for row in table_rows(render_model_card(tmp_path, []))}
    assert shown & set(inspect.signature(GeneNGramConfig).parameters) == settings | {"vocab_size"}


def test_a_model_card_says_how_the_model_was_trained_and_what_is_not_recorded(gpt2: Path) -> None:
    assert "Not recorded: dataset, command, config, seed, packages." in render_model_card(gpt2, [])
    record = {
        "command": "train.py --config configs/gpt2.yaml",
        "seed": 0,
        "dataset": {"name": "small_genes", "genes": 1200, "bases": 360000, "fingerprint": "f" * 64},
        "best": {"step": 1500, "validation_bits_per_base": 1.87654},
        "stopped": "no better validation in 5",
    }
    (gpt2 / "training_record.json").write_text(json.dumps(record))
    card = render_model_card(gpt2, [])
    assert f"small_genes, 1,200 genes, 360,000 bases (fingerprint `{'f' * 64}`)." in card
    assert record["command"] in card
    assert "Seed: 0." in card
    assert "Best on validation at step 1,500: 1.8765 bits per base." in card
    assert "no better validation in 5" in card
    assert "Not recorded: config, packages." in card


def test_a_damaged_training_record_is_named(gpt2: Path) -> None:
    (gpt2 / "training_record.json").write_text("{")
    with pytest.raises(InputError, match=r"training_record\.json is not valid JSON"):
        render_model_card(gpt2, [])


def test_damaged_weights_are_named(gpt2: Path) -> None:
    (gpt2 / "model.safetensors").write_bytes((gpt2 / "model.safetensors").read_bytes()[:-10])
    with pytest.raises(InputError, match=r"model\.safetensors is not a whole safetensors file"):
        render_model_card(gpt2, [])


def test_every_task_has_its_table(gpt2: Path) -> None:
    written = [
        measurement(f"jensen_shannon_{k}", k / 10, task="generation", group="source", stratum=source)
        for k in range(1, 10)
        for source in ("written", "held-out genes")
    ]
    probed = [
        measurement("linear_balanced_accuracy", 0.5, task="probing", group="gene_type"),
        measurement("linear_recall", 0.25, task="probing", group="gene_type by class", stratum="tRNA"),
        measurement("spearman", 0.125, task="variants"),
        measurement("count", 1240.0, task="variants", group="scored", stratum="scored"),
    ]
    rows = table_rows(render_model_card(gpt2, [results_of(gpt2, written + probed)]))
    # Many metrics: a row for each of them.
    assert ["Genes", "generated", "held-out genes"] in rows
    assert ["Jensen shannon 2", "0.2000", "0.2000"] in rows
    assert ["gene type: all", "0.5000", "", "30", "9,000"] in rows
    assert ["gene type by class: tRNA", "", "0.2500", "30", "9,000"] in rows
    assert ["all", "0.1250", "", "30", "9,000"] in rows
    assert ["scored", "", "1,240", "30", "9,000"] in rows


def test_a_card_says_which_releases_of_transformers_load_the_model(gpt2: Path, tmp_path: Path) -> None:
    """Those that pyproject.toml and constraints.txt name, in which `make compat` has loaded models of every family."""
    root = Path(__file__).parent.parent
    assert f'"transformers>={OLDEST_TRANSFORMERS}"' in (root / "pyproject.toml").read_text()
    assert f"transformers=={NEWEST_TRANSFORMERS}\n" in (root / "constraints.txt").read_text()
    lanes = json.loads((root / "docs" / "compatibility.json").read_text())["lanes"]
    loaded = {lanes[name]["packages"]["transformers"] for name in ("lowest", "pinned")}
    assert loaded == {OLDEST_TRANSFORMERS, NEWEST_TRANSFORMERS}
    for lane in lanes.values():
        assert not [model["problems"] for way in lane["ways"].values() for model in way.values() if model["problems"]]
    said = f"Needs transformers {OLDEST_TRANSFORMERS} or newer; tested up to {NEWEST_TRANSFORMERS}."
    assert said in render_model_card(gpt2, [])
    GeneNGramForCausalLM(GeneNGramConfig(order=3, smoothing="mixture")).save_pretrained(tmp_path)
    assert "Install numba as well" in render_model_card(tmp_path, [])
    slow, fast = (lanes[name]["mixture"] for name in ("without-numba", "pinned"))
    assert 30 < fast["bases_per_second"] / slow["bases_per_second"] < 300  # "about a hundred times as slowly"
    assert slow["ms_per_base"] > 1.2 * fast["ms_per_base"]  # "more slowly", the more so the larger the index
