"""What plain `save_pretrained` writes is a model for everything of ours: tokenizer and generation config are known."""

from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedModel

import genelm
from genelm.model_cards import publish
from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM, model_fingerprint
from genelm.storage import InputError

SPECIAL = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}


def _gru(_: Path) -> PreTrainedModel:
    return GeneRNNForCausalLM(GeneRNNConfig(cell_type="gru", embedding_size=4, hidden_size=8))


def _gpt2(_: Path) -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=256, n_embd=8, n_layer=1, n_head=2, **SPECIAL))


def _mixture(data: Path) -> PreTrainedModel:
    return genelm.fit_ngram(data).network


@pytest.mark.parametrize("make", [_gru, _gpt2, _mixture])
def test_it_is_loaded_scored_evaluated_generated_with_and_pushed(make, small_dataset: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = make(small_dataset)
    network.save_pretrained(tmp_path / "plain")
    model = genelm.load(tmp_path / "plain")
    genes = ["ACGTNACGT", "ggcc"]
    expected = genelm.load(network).score(genes).bits_per_base
    assert model.score(genes).bits_per_base == pytest.approx(expected, abs=1e-6)
    assert all(set(gene) <= set("ACGT") for gene in model.generate(3, max_new_tokens=20))
    results = genelm.evaluate(tmp_path / "plain", small_dataset, split="test")
    assert results.model.fingerprint == model_fingerprint(tmp_path / "plain")
    publish(tmp_path / "plain", "tester/plain", [], dry_run=tmp_path / "hub")
    assert ModelCard.load(tmp_path / "hub" / "README.md").data.model_name == "plain"
    trusted = {"trust_remote_code": True}
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hub", **trusted)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "hub", **trusted)
    assert tokenizer("ACGT")["input_ids"] == [2, 4, 5, 6, 7]
    assert again.generation_config.suppress_tokens == [0, 1, 2]


def test_a_model_over_another_vocabulary_needs_its_tokenizer(tmp_path: Path) -> None:
    GPT2LMHeadModel(GPT2Config(vocab_size=12, n_embd=8, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="it has no tokenizer"):
        genelm.load(tmp_path)
