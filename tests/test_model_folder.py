"""A model folder stands alone: it loads, writes and scores the same without genelm, and damage to it is named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedModel, pipeline, set_seed

from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    GeneRNNConfig,
    GeneRNNForCausalLM,
    describe_model,
    fit_head,
    generate_genes,
    load_model_folder,
    resolve_model_folder,
    save_model_folder,
)
from genelm.storage import InputError
from genelm.tokenization import encode, load_tokenizer

TOKENIZER = load_tokenizer()
PROMPT = "ATGGCCNAC"


def ngram() -> PreTrainedModel:
    return GeneNGramForCausalLM(GeneNGramConfig(order=3)).count(torch.from_numpy(encode(g)) for g in ("ACGTT", "GGA"))


def indexed(smoothing: str) -> PreTrainedModel:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing=smoothing, both_strands=True))
    genes = [torch.from_numpy(encode(g)) for g in ("ACGTTGCAACGGTACGATTAGACA" * 3, "GGANCC", "TTGACGGTACGATTAGCCA")]
    model.count(genes)
    fit_head(model, genes[::-1], silent=True)
    return model


def interpolated() -> PreTrainedModel:
    return indexed("interpolated")


def mixture() -> PreTrainedModel:
    return indexed("mixture")


def lstm() -> PreTrainedModel:
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=8, hidden_size=16))


def gpt2() -> PreTrainedModel:
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return AutoModelForCausalLM.from_config(GPT2Config(n_positions=64, n_embd=16, n_layer=1, n_head=2, **special))


@pytest.fixture(params=[ngram, interpolated, mixture, lstm, gpt2], ids=lambda build: build.__name__)
def folder(request, tmp_path) -> Path:
    set_seed(0)
    save_model_folder(tmp_path / "model", request.param(), TOKENIZER, {"command": "a test"})
    return tmp_path / "model"


WITHOUT_GENELM = """
import sys
sys.modules["genelm"] = None  # any import of it fails
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
folder, prompt, output = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
text = pipeline("text-generation", model=folder, trust_remote_code=True)(prompt)[0]["generated_text"]
assert set(text[len(prompt):]) <= set("ACGT"), text
with torch.no_grad():
    logits = model(**tokenizer(prompt, return_tensors="pt")).logits
save_file({"logits": logits.contiguous()}, output)
"""


def test_without_genelm_the_logits_are_bit_equal(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.safetensors"
    command = [sys.executable, "-c", WITHOUT_GENELM, str(folder), PROMPT, str(elsewhere)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    model, tokenizer = load_model_folder(folder)
    with torch.no_grad():
        here = model(**tokenizer(PROMPT, return_tensors="pt")).logits
    assert torch.equal(here, load_file(elsewhere)["logits"])


def test_gpt2_needs_no_code_of_ours(tmp_path: Path) -> None:
    save_model_folder(tmp_path / "gpt2", gpt2(), TOKENIZER, {})
    assert not list((tmp_path / "gpt2").glob("*.py"))
    assert "auto_map" not in json.loads((tmp_path / "gpt2" / "config.json").read_text())


def test_only_bases_are_written(folder: Path) -> None:
    written = pipeline("text-generation", model=str(folder))(["ATG", ""], max_new_tokens=40, num_return_sequences=5)
    for text in [entry["generated_text"] for entries in written for entry in entries]:
        assert set(text) <= set("ACGT")


def test_genes_are_a_function_of_the_seed(folder: Path) -> None:
    model, tokenizer = load_model_folder(folder)
    options = {"num": 5, "prompt": "ATG", "max_new_tokens": 30, "batch_size": 2}
    first, again = (generate_genes(model, tokenizer, seed=1, **options) for _ in range(2))
    assert first == again
    assert first != generate_genes(model, tokenizer, seed=2, **options)
    for sequence, ended in first:
        assert sequence.startswith("ATG")
        assert set(sequence) <= set("ACGT")
        assert ended or len(sequence) == 33


def test_writing_with_a_cache_equals_writing_without(folder: Path) -> None:
    model, tokenizer = load_model_folder(folder)
    inputs = tokenizer(["ACGTTGCAAC", "GGT"], return_tensors="pt", padding=True, padding_side="left")
    for options in ({"do_sample": False}, {"do_sample": False, "num_beams": 3}, {"do_sample": True}):
        written = []
        for use_cache in (True, False):
            set_seed(3)
            written.append(model.generate(**inputs, max_new_tokens=30, use_cache=use_cache, **options))
        assert torch.equal(*written)


@pytest.mark.skipif(
    transformers.__version__.startswith("4."), reason="pipelines of transformers 4 have defaults that go first"
)
def test_what_is_written_by_default_fits_into_the_positions(tmp_path: Path) -> None:
    model = gpt2()
    save_model_folder(tmp_path / "gpt2", model, TOKENIZER, {})
    config = json.loads((tmp_path / "gpt2" / "generation_config.json").read_text())
    assert (config["max_new_tokens"], config.get("temperature", 1.0)) == (32, 1.0)
    endless = {"suppress_tokens": [0, 1, 2, 3]}
    text = pipeline("text-generation", model=str(tmp_path / "gpt2"))(PROMPT, **endless)[0]["generated_text"]
    assert len(text) == len(PROMPT) + 32


def test_a_gene_longer_than_the_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="64 positions"):
        generate_genes(gpt2(), TOKENIZER, num=1, prompt="ATG", max_new_tokens=61)


def test_saving_again_replaces_the_model_and_leaves_the_rest(folder: Path) -> None:
    (folder / "logs").mkdir()
    (folder / "modeling_of_another_family.py").write_text("")
    model, tokenizer = load_model_folder(folder)
    save_model_folder(folder, model, tokenizer, {"command": "another"})
    assert (folder / "logs").is_dir()
    assert json.loads((folder / "training_record.json").read_text()) == {"command": "another"}
    assert not [path for path in folder.iterdir() if path.name.startswith(".") or "another_family" in path.name]


def test_others_may_read_the_weights_as_they_may_any_file(folder: Path) -> None:
    modes = {file.name: file.stat().st_mode for file in folder.iterdir() if file.is_file()}
    (folder / "any").touch()
    assert set(modes.values()) == {(folder / "any").stat().st_mode}
    assert "model.safetensors" in modes


def test_description(folder: Path) -> None:
    facts = describe_model(str(folder), folder, load_model_folder(folder)[0])
    stored = load_file(folder / "model.safetensors")
    assert facts["parameters"] == sum(tensor.numel() for tensor in stored.values())
    (folder / "model.safetensors").write_bytes(b"other")
    assert describe_model(str(folder), folder, lstm())["fingerprint"] != facts["fingerprint"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [("model.safetensors", "no weights"), ("config.json", "no configuration"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_that_is_not_whole_is_named(folder: Path, missing: str, message: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(InputError, match=message):
        resolve_model_folder(str(folder))


def test_weights_that_do_not_fit_are_named(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model_folder(folder)
