"""Every code block of the README runs as it stands, in a folder with small files where it expects the paper's."""

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from hub_stand_in import TOKEN, USER, HubStandIn
from ncbi_stand_in import NcbiStandIn, random_genes, serving

from genelm.dataset_scripts import load_split
from genelm.eval import (
    best_first,
    learning_curve_table,
    read_learning_curve,
    read_results,
    reports_of,
    results_table,
    table_marks,
)
from genelm.eval.tasks import make_edited_pairs
from genelm.modeling import save_model_folder
from genelm.tokenization import load_tokenizer
from genelm.training import build_model, fit_ngram

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PAPER = BLOCKS[2][1].split("\n\n")
"""The block on the paper's genes takes long; its paragraphs are run apart, each in a folder as it expects one."""

SMALL = {
    "lstm": {"model_type": "gene_rnn", "embedding_size": 8, "hidden_size": 16},
    "gpt2": {"model_type": "gpt2", "n_positions": 1024, "n_embd": 16, "n_layer": 1, "n_head": 2},
}
MODELS = {"mixture": "gene_ngram", "laplace8": "gene_ngram", "lstm": "gene_rnn", "gpt2": "gpt2"}
"""What the README makes of the paper's genes: folder in `runs` -> type."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubStandIn]:
    with HubStandIn() as running:
        yield running


@pytest.fixture
def workplace(tmp_path: Path, small_dataset: Path) -> Path:
    """A folder as a reader of the README has it, but with few genes and small models."""
    folder = tmp_path / "readme"
    folder.mkdir()
    (folder / "train.py").symlink_to(ROOT / "train.py")
    (folder / "configs").mkdir()
    for name, model in SMALL.items():
        config = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
        config |= {"model": model, "max_steps": 3, "warmup_steps": 1}
        (folder / "configs" / f"{name}.yaml").write_text(yaml.safe_dump(config))
    (folder / "paper" / "mutations").mkdir(parents=True)
    for split, name in (("train", "train_subset"), ("validation", "validation"), ("test", "test")):
        with open(folder / "paper" / f"genes_{name}.csv", "w") as file:
            table = csv.writer(file)
            table.writerow(["NCBIGeneID", "Symbol", "GeneType", "NucleotideSequence"])
            for gene in load_split(small_dataset, split):
                table.writerow([gene["gene_id"], gene["symbol"], gene["gene_type"], f"<{gene['sequence']}>"])
    train, test = (list(load_split(small_dataset, split)["sequence"]) for split in ("train", "test"))
    for name, sequences in (("genes", train), ("more", test)):
        text = "".join(f">{name}{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
        (folder / f"{name}.fa.gz").write_bytes(gzip.compress(text.encode()))
    write_genome(folder, train)
    for k in (1, 5, 10):
        made = make_edited_pairs(list(load_split(small_dataset, "test")["sequence"]), seed=0)
        pairs = next(pairs for pairs in made if (pairs.kind, pairs.n_edits) == ("substitution", k))
        with open(folder / "paper" / "mutations" / f"synthetic_7_{k}_1000.csv", "w") as file:
            table = csv.writer(file)
            table.writerow(["NCBIGeneID", "RealNucleotideSequence", "MutatedNucleotideSequence"])
            for real, mutated in zip(pairs.real, pairs.edited, strict=True):
                table.writerow([1, f"<{real}>", f"<{mutated}>"])
    return folder


@pytest.fixture
def fitted_and_trained(workplace: Path, small_dataset: Path) -> Path:
    """A folder as it is after the README has built the dataset, fitted and trained, but networks have learned nothing.

    What the commands themselves leave is looked at where they are run.
    """
    shutil.copytree(small_dataset, workplace / "data" / "human_genes")
    counted, record = fit_ngram(small_dataset, {"smoothing": "laplace", "order": 8, "paper": True})
    save_model_folder(workplace / "runs" / "laplace8", counted, load_tokenizer(), record)
    for name, section in SMALL.items():
        torch.manual_seed(0)
        model = build_model(section)
        save_model_folder(workplace / "runs" / name, model, load_tokenizer(), {**record, "command": "a test"})
    return workplace


def write_genome(folder: Path, coding: list[str]) -> None:
    """Write genes one after another on one chromosome, each with an exon and a CDS."""
    lines, start = ["##gff-version 3"], 1
    for i, sequence in enumerate(coding):
        end = start + len(sequence) - 1
        for kind, attributes in (
            ("gene", f"ID=gene:{i};gene_id=G{i};biotype=protein_coding"),
            ("mRNA", f"ID=transcript:{i};Parent=gene:{i}"),
            ("CDS", f"Parent=transcript:{i}"),
        ):
            lines.append("\t".join(["1", "made", kind, str(start), str(end), ".", "+", ".", attributes]))
        start = end + 1
    (folder / "G.fa.gz").write_bytes(gzip.compress(f">1\n{''.join(coding)}\n".encode()))
    (folder / "G.gff3.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


@pytest.fixture(scope="module")
def ncbi() -> Iterator[NcbiStandIn]:
    with serving(NcbiStandIn(random_genes(300))) as running:
        yield running


@pytest.fixture(scope="module")
def environment(hub: HubStandIn, ncbi: NcbiStandIn, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        **os.environ,
        "NCBI_DATASETS_URL": ncbi.url,
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def run_block(language: str, block: str, folder: Path, environment: dict[str, str]) -> None:
    command = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[language]
    # A reader replaces USER by their own name; the stand-in knows one.
    run([*command, block.replace("USER/", f"{USER}/")], folder, environment)


def test_it_opens_with_the_two_commands_and_they_exist() -> None:
    language, block = BLOCKS[0]
    assert language == "bash"
    targets = [line.split("#")[0].split() for line in block.splitlines()]
    assert targets == [["make", "demo"], ["make", "test"]]
    run(["make", "--dry-run", "demo", "test", "quality"], ROOT, dict(os.environ))


def test_its_blocks_are_those_that_are_run_below() -> None:
    assert [language for language, _ in BLOCKS] == ["bash", "bash", "bash", "python", "python"]
    assert [part.split()[:2] for part in PAPER] == [
        ["genelm", "data"],
        ["genelm", "ngram"],
        ["for", "model"],
        ["genelm", "generate"],
    ]


def test_it_builds_datasets_of_every_source(workplace: Path, environment: dict[str, str]) -> None:
    run_block("bash", BLOCKS[1][1], workplace, environment)
    for name in ("ncbi_genes", "coding", "my_genes"):
        assert len(load_split(workplace / "data" / name, "test")) > 0


def test_it_builds_the_dataset_of_the_paper_and_fits_and_trains_on_it(
    workplace: Path, environment: dict[str, str]
) -> None:
    run_block("bash", "\n".join(PAPER[:2]), workplace, environment)
    assert len(load_split(workplace / "data" / "human_genes", "test")) > 0
    assert {path.name for path in (workplace / "runs").iterdir()} == MODELS.keys()
    for name, model_type in MODELS.items():
        assert json.loads((workplace / "runs" / name / "config.json").read_text())["model_type"] == model_type


def test_it_evaluates_models_and_baselines_and_reports(fitted_and_trained: Path, environment: dict[str, str]) -> None:
    run_block("bash", PAPER[2], fitted_and_trained, environment)
    names = {path.stem for path in (fitted_and_trained / "results").glob("*.json")}
    assert names > {"laplace8", "lstm", "gpt2"}
    report = (fitted_and_trained / "report" / "report.md").read_text()
    assert all(name in report for name in names)


def test_it_writes_genes_and_scores_and_publishes_and_loads_them(
    fitted_and_trained: Path, environment: dict[str, str], hub: HubStandIn
) -> None:
    run_block("bash", PAPER[3], fitted_and_trained, environment)
    assert len((fitted_and_trained / "scores.tsv").read_text().splitlines()) == 11
    assert "README.md" in hub.files(f"{USER}/gene-lstm")
    for language, block in BLOCKS[3:]:
        run_block(language, block, fitted_and_trained, environment)


@pytest.mark.slow
def test_its_blocks_run_one_after_another(workplace: Path, environment: dict[str, str], hub: HubStandIn) -> None:
    for language, block in BLOCKS[1:]:
        run_block(language, block, workplace, environment)
    assert (workplace / "report" / "report.md").is_file()
    assert len((workplace / "scores.tsv").read_text().splitlines()) == 11
    assert "README.md" in hub.files(f"{USER}/gene-lstm")


def test_its_table_is_what_the_results_files_say() -> None:
    files = sorted((ROOT / "docs" / "results").glob("*.json"))
    assert {path.stem for path in files} >= {"mixture", "interpolated", "laplace8", "lstm", "gpt2"}
    start, end = table_marks("results")
    shown = README.split(start)[1].split(end)[0].strip()
    results = best_first([read_results(path) for path in files])
    assert shown == results_table(results, reports_of(results)).strip()


def test_its_words_on_the_results_are_what_the_files_say() -> None:
    results = {path.stem: read_results(path) for path in (ROOT / "docs" / "results").glob("*.json")}

    def value(model: str, metric: str, **labels: str) -> float:
        row = results[model].find(metric=metric, **labels)
        assert row is not None
        return row.value

    bits = {model: value(model, "bits_per_base", task="perplexity") for model in results}
    networks = ("lstm", "gpt2")
    novel = {"task": "perplexity", "metric": "bits_per_base", "group": "familiarity", "stratum": "novel"}
    assert "predicts best, on novel genes as well, and has the highest pairwise accuracy of real genes" in README
    assert min(bits, key=bits.__getitem__) == "mixture"
    assert min(results, key=lambda model: value(model, **novel)) == "mixture"
    assert "among novel genes alone the LSTM is slightly more accurate" in README
    edits_of_novel = {"task": "edits", "metric": "accuracy", "group": "familiarity", "stratum": "novel"}
    assert 0 < value("lstm", **edits_of_novel) - value("mixture", **edits_of_novel) < 0.01
    records = ROOT / "docs" / "results" / "records"
    precisions = {model: json.loads((records / f"{model}.json").read_text())["mixed_precision"] for model in networks}
    assert "Networks were trained with bf16 products" in README
    assert precisions == {"lstm": "bf16", "gpt2": "bf16"}
    assert (
        "has fewer bits per base over all genes than either network, and is worse than a guess on novel genes"
        in README
    )
    assert bits["xz"] < min(bits[model] for model in networks)
    assert value("xz", **novel) > 2
    assert "GPT-2 predicts bases better than Laplace 8 and yet is less accurate on edited copies" in README
    assert bits["gpt2"] < bits["laplace8"]
    for k in ("1", "5", "10"):
        edits = {"task": "edits", "metric": "accuracy", "group": "edits", "stratum": k}
        assert value("gpt2", **edits) < value("laplace8", **edits)
        assert value("mixture", **edits) > max(value(model, **edits) for model in networks)
    minutes = {
        path.stem: round(json.loads(path.read_text())["seconds"] / 60)
        for path in records.glob("*.json")
        if path.stem.startswith(("lstm", "gpt2"))
    }
    assert (
        "# {lstm} and {gpt2} minutes on one core each; configs/lstm_five_minutes.yaml and gpt2_five_minutes.yaml\n"
        "# take {lstm_five_minutes} and {gpt2_five_minutes} on two.".format(**minutes)
    ) in README
    speed = json.loads((ROOT / "benchmarks" / "results" / "ngram.json").read_text())["index:mixture"]
    assert "half a minute on a laptop" in README
    assert speed["count_seconds"] + speed["fit_weights_seconds"] < 30
    similarity = json.loads((ROOT / "benchmarks" / "results" / "similarity.json").read_text())
    found, among = (
        {name: similarity[name][key] for name in ("by_similarity_kmers", "by_similarity", "genes_20231")}
        for key in ("with_a_similar_training_gene", "evaluation_genes")
    )
    by_kmers = max(found["by_similarity_kmers"].values()) / among["by_similarity_kmers"]
    assert "about one evaluation gene in two hundred" in README
    assert 1 / 250 < by_kmers < 1 / 150
    assert "finds none any more; with seeds shorter than it had then, none among 5,252 evaluation genes" in README
    assert "of the paper's and one among 8,087 of a larger set" in README
    assert (among["by_similarity"], among["genes_20231"]) == (5252, 8087)
    shorter = {name: counts.pop("seeds of 8") for name, counts in found.items()}
    assert (shorter["by_similarity"], shorter["genes_20231"]) == (0, 1)
    assert not any([*found["by_similarity"].values(), *found["genes_20231"].values()])


def test_its_words_on_the_optimizer_are_what_was_measured() -> None:
    def from_to(dropout: str, **stratum: str) -> str:
        folder = ROOT / "docs" / "results" / "optimizers"
        rows = [read_results(folder / f"lstm_{name}{dropout}.json").find(**stratum) for name in ("adamw", "muon")]
        return "from {:.3f} to {:.3f}".format(*(row.value for row in rows if row is not None))

    bits = {"task": "perplexity", "metric": "bits_per_base"}
    familiar, novel = ({**bits, "group": "familiarity", "stratum": stratum} for stratum in ("familiar", "novel"))
    for dropout in ("", "_dropout"):
        for labels in (bits, familiar, novel):
            assert from_to(dropout, **labels) in README


def test_its_words_on_the_learning_curve_are_what_was_measured() -> None:
    folder = ROOT / "docs" / "results"
    curve = read_learning_curve(folder / "learning_curve" / "learning_curve.json")
    assert learning_curve_table(curve) in (folder / "report.md").read_text()
    entries = curve.entries
    # Fitted on all genes, they are the models of the table, to the last bit.
    for name, model in (("mixture", "mixture"), ("laplace", "laplace8")):
        results = read_results(folder / f"{model}.json")
        assert curve.dataset == results.dataset
        row = results.find(task="perplexity", metric="bits_per_base")
        assert row is not None
        whole = max((entry.fraction, entry.bits_per_base["all"]) for entry in entries if entry.model == name)
        assert whole == (1, row.value)

    def ends(model: str, stratum: str) -> str:
        shares = sorted((entry for entry in entries if entry.model == model), key=lambda entry: entry.bases)
        return f"from {shares[0].bits_per_base[stratum]:.3f} to {shares[-1].bits_per_base[stratum]:.3f}"

    fewest, most = min(entry.genes for entry in entries), max(entry.genes for entry in entries)
    assert (
        f"From {fewest} genes to {most:,} the LSTM goes {ends('lstm_five_minutes', 'novel')} bits a base on novel "
        f"genes, GPT-2 {ends('gpt2_five_minutes', 'novel')}, the mixture {ends('mixture', 'novel')}, and on familiar "
        f"ones {ends('mixture', 'familiar')}:"
    ) in README


def test_its_table_of_leakage_is_what_the_files_say() -> None:
    shown = README.split("<!-- leakage:start -->")[1].split("<!-- leakage:end -->")[0].strip().splitlines()[2:]
    rows = []
    for name in ("paper", "similarity"):
        leakage = json.loads((ROOT / "docs" / "leakage" / f"{name}.json").read_text())
        test = leakage["splits"]["test"]
        counts = [test["strata"][stratum]["genes"] for stratum in leakage["strata"]]
        figures = [test["genes"], *counts, test["similar_to_training"]]
        rows.append(f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} |")
    assert shown == rows


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
