"""The public interface: what its docstrings and README show works, and says the same as the commands."""

import doctest
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from typer.testing import CliRunner

import genelm
from genelm.cli.main import app
from genelm.dataset_scripts import read_manifest
from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM

GENES = ["ATGGCCNNACGT", "ttgaca"]
TINY_RUN = {
    "max_steps": 4,
    "warmup_steps": 1,
    "train_batch_positions": 2048,
    "report_to": "none",
    "use_cpu": True,
    "model": {"model_type": "gene_rnn", "embedding_size": 4, "hidden_size": 6},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "genes"
    manifest = genelm.build_dataset(folder, source="simulated", num_genes=150)
    assert manifest == read_manifest(folder)
    return folder


@pytest.fixture(scope="module")
def trigram(data: Path) -> genelm.Model:
    return genelm.fit_ngram(str(data), smoothing="laplace", order=3)


@pytest.fixture
def rnn() -> GeneRNNForCausalLM:
    torch.manual_seed(0)
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=4, hidden_size=6, dropout=0.5, num_hidden_layers=2))


def command(line: str) -> None:
    done = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("module", ["dataset", "evaluation", "fitting", "model"])
def test_examples_of_docstrings_are_true(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(f"genelm.{module}"), extraglobs={"genelm": genelm})
    assert found.attempted
    assert not found.failed


def test_every_public_function_teaches() -> None:
    assert set(genelm.__all__) <= set(dir(genelm))
    for name in set(genelm.__all__) - {"__version__", "InputError"}:
        assert getattr(genelm, name).__doc__, name
        assert f"genelm.{name}" in genelm.__doc__ or isinstance(getattr(genelm, name), type), name


def test_scores_are_those_of_the_command(trigram: genelm.Model, tmp_path: Path) -> None:
    trigram.save(tmp_path / "trigram")
    (tmp_path / "genes.fa").write_text("".join(f">{i}\n{gene}\n" for i, gene in enumerate(GENES, start=1)))
    for per_base, option in ((False, ""), (True, " --per-base")):
        command(f"score {tmp_path}/trigram {tmp_path}/genes.fa --output {tmp_path}/scores.tsv{option}")
        lines = [line.split("\t") for line in (tmp_path / "scores.tsv").read_text().splitlines()]
        frame = genelm.load(tmp_path / "trigram").score(GENES, per_base=per_base).to_frame()
        assert list(frame.columns) == lines[0]
        shown = [
            [f"{v:.6f}" if isinstance(v, float) else str(v) for v in row] for row in frame.itertuples(index=False)
        ]
        assert [["" if value == "nan" else value for value in row] for row in shown] == lines[1:]


def test_scores_of_genes_add_up(trigram: genelm.Model) -> None:
    scores = trigram.score(GENES, per_base=True)
    assert scores.tracks is not None
    assert [len(track) for track in scores.tracks] == [12, 6]
    assert scores.bits_per_base == pytest.approx([np.nanmean(track) for track in scores.tracks])
    assert scores.perplexity == pytest.approx(2**scores.bits_per_base)
    assert scores.overall_bits_per_base == pytest.approx(np.nanmean(np.concatenate(scores.tracks)))


@pytest.mark.parametrize(
    ("sequences", "names", "sentence"),
    [
        ("ACGT", None, "put this one into a list"),
        (["ACGT", "AC GT"], None, "Sequence 2 has the letter ' '"),
        (["ACGT"], ["a", "b"], "1 sequences but 2 names"),
    ],
)
def test_what_cannot_be_scored_is_named(
    sequences: list[str], names: list[str] | None, sentence: str, trigram: genelm.Model
) -> None:
    with pytest.raises(genelm.InputError, match=sentence):
        trigram.score(sequences, names)


def test_generated_genes_are_sequences_and_leave_the_random_state(rnn: GeneRNNForCausalLM) -> None:
    rnn.train()
    model = genelm.load(rnn)
    before, drawn = torch.get_rng_state(), np.random.get_state()[1].tolist()
    genes = model.generate(5, prompt="ATG", seed=0, max_new_tokens=20)
    assert genes == model.generate(5, prompt="ATG", seed=0, max_new_tokens=20)
    assert genes != model.generate(5, prompt="ATG", seed=1, max_new_tokens=20)
    assert rnn.training, "the caller's model is left as it was"
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == drawn
    assert all(gene.startswith("ATG") and set(gene) <= set("ACGT") for gene in genes)
    assert all(gene.ended or len(gene) == 23 for gene in genes)
    assert len(model.score(genes).bits_per_base) == 5


@pytest.mark.parametrize("eos", [3, [3]], ids=str)
def test_a_model_in_memory_writes_bases_alone(eos: int | list[int]) -> None:
    torch.manual_seed(0)
    special = {"bos_token_id": 2, "eos_token_id": eos, "pad_token_id": 0}
    network = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=64, n_embd=8, n_layer=1, n_head=2, **special))
    with torch.no_grad():
        network.lm_head.weight[:3] *= 100  # [PAD], [UNK] and [BOS] would be likely
    genes = genelm.load(network).generate(20, max_new_tokens=40)
    assert all(genes)
    assert set("".join(genes)) <= set("ACGT")
    assert any(gene.ended for gene in genes)


def test_results_of_a_model_in_memory_are_those_of_its_folder(
    data: Path, trigram: genelm.Model, tmp_path: Path
) -> None:
    results = genelm.evaluate(trigram, data, split="test", tasks=["perplexity", "edits"])
    trigram.save(tmp_path / "laplace")
    command(
        f"evaluate {tmp_path}/laplace --data {data} --split test --task perplexity --task edits "
        f"--output {tmp_path}/command.json"
    )
    results.save(tmp_path / "python.json")
    by_python, by_command = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("python", "command"))
    assert by_python["command"].startswith("genelm.evaluate('laplace', ")
    assert by_python == by_command | {"command": by_python["command"]}
    again = genelm.evaluate(tmp_path / "laplace", str(data), split="test", tasks="perplexity")
    assert again.to_frame()["value"].tolist() == results.to_frame().query("task == 'perplexity'")["value"].tolist()


def test_a_report_takes_files_and_results(data: Path, trigram: genelm.Model, tmp_path: Path) -> None:
    results = genelm.evaluate(trigram, data)
    results.save(tmp_path / "results" / "trigram.json")
    from_files = genelm.report([tmp_path / "results"], tmp_path / "files")
    from_memory = genelm.report([results], str(tmp_path / "memory"))
    assert [path.name for path in from_files] == [path.name for path in from_memory]
    assert (tmp_path / "files" / "report.md").read_text() == (tmp_path / "memory" / "report.md").read_text()
    with pytest.raises(genelm.InputError, match=r"does not end in \.json"):
        results.save(tmp_path / "results")


def test_a_model_of_others_is_scored_and_not_written_with() -> None:
    torch.manual_seed(0)
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = Tokenizer(models.WordLevel({"?": 0, "T": 1, "G": 2, "C": 3, "A": 4}, unk_token="?"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    network = GPT2LMHeadModel(GPT2Config(vocab_size=5, n_positions=64, n_embd=8, n_layer=1, n_head=2)).eval()
    model = genelm.load(network, PreTrainedTokenizerFast(tokenizer_object=letters, unk_token="?"), name="theirs")
    assert np.isfinite(model.score(["ACGTTGCA"]).bits_per_base).all()
    for use in (lambda: model.generate(1), lambda: model.save("theirs")):
        with pytest.raises(genelm.InputError, match="theirs has a vocabulary of its own"):
            use()


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(genelm.InputError, match="A Linear is no model"):
        genelm.load(torch.nn.Linear(2, 2))
    with pytest.raises(genelm.InputError, match=r"no option max_lenght; did you mean max_length\?"):
        genelm.build_dataset("genes", max_lenght=3)


def test_a_training_from_python_is_that_of_the_command(data: Path, tmp_path: Path) -> None:
    folder = genelm.train(data=data, output_dir=tmp_path / "python", **TINY_RUN)
    assert folder == tmp_path / "python"
    options = {name: value for name, value in TINY_RUN.items() if name != "model"}
    options |= {f"model.{name}": value for name, value in TINY_RUN["model"].items()}
    words = " ".join(f"--{name} {value}" for name, value in options.items())
    command(f"train --data {data} --output_dir {tmp_path}/command {words}")
    one, other = (genelm.load(tmp_path / name) for name in ("python", "command"))
    assert one.score(GENES).bits_per_base.tolist() == other.score(GENES).bits_per_base.tolist()
    assert one.record["steps"] == 4


def test_the_help_of_train_is_its_own() -> None:
    said = CliRunner().invoke(app, ["train", "--help"]).output
    assert said.startswith("usage: genelm train")
    assert "--learning_rate" in said


def test_a_single_value_stands_for_a_list(tmp_path: Path) -> None:
    letters = np.random.default_rng(0).choice(list("ACGT"), (30, 60))
    (tmp_path / "genes.fa").write_text("".join(f">{i}\n{''.join(gene)}\n" for i, gene in enumerate(letters)))
    manifest = genelm.build_dataset(tmp_path / "genes", source="fasta", input=str(tmp_path / "genes.fa"))
    assert sum(split.genes for split in manifest.splits.values()) == 30
    with pytest.raises(genelm.InputError, match="Chromosome 8 is named twice"):
        genelm.build_dataset(
            tmp_path / "other",
            source="fasta",
            input=tmp_path / "genes.fa",
            split="chromosome",
            validation_chromosomes="8",
            test_chromosomes="8",
        )
