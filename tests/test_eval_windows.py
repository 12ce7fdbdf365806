"""Genes longer than a model's positions: what each base sees of them."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, set_seed

from genelm.eval import adapt, score_bases, score_genes
from genelm.eval.scoring.windows import WindowedModel
from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM
from genelm.storage import InputError
from genelm.tokenization import encode, load_tokenizer

SPECIAL = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
GENE = "".join(np.random.default_rng(0).choice(list("ACGT"), size=100))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    set_seed(0)
    network = AutoModelForCausalLM.from_config(GPT2Config(n_positions=33, n_embd=32, n_layer=2, n_head=2, **SPECIAL))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    return network.eval()


@pytest.mark.parametrize("context", [0, 10, 31])
def test_a_base_sees_its_window_and_no_more(model: torch.nn.Module, context: int) -> None:
    found = score_bases(WindowedModel(model, context), [GENE])[0]
    for i, letter in enumerate(GENE):
        window = max(0, math.ceil((i - 32) / (32 - context)))  # the first that reaches up to this base
        seen = GENE[window * (32 - context) : i]
        assert len(seen) >= min(i, context)
        with torch.no_grad():
            four = model(torch.tensor([[2, *encode(seen).tolist()]])).logits[0, -1, 4:].double()
        assert found[i] == pytest.approx(float(four.logsumexp(-1) - four["ACGT".index(letter)]), abs=1e-5)


def test_short_genes_and_neighbors_make_no_difference(model: torch.nn.Module) -> None:
    windowed = WindowedModel(model, 10)
    genes = ["ACGT", GENE, GENE[:32], GENE[:33], ""]
    together = score_genes(windowed, genes)
    alone = [score_genes(windowed, [gene]) for gene in genes]
    for name in ("base_nats", "eos_nats", "whole_softmax_eos_nats"):
        np.testing.assert_allclose(getattr(together, name), [getattr(score, name)[0] for score in alone], atol=1e-4)
    np.testing.assert_allclose(
        together.base_nats[[0, 2]], score_genes(model, ["ACGT", GENE[:32]]).base_nats, atol=1e-5
    )


def test_only_models_with_positions_need_windows(model: torch.nn.Module) -> None:
    lstm = GeneRNNForCausalLM(GeneRNNConfig(embedding_size=8, hidden_size=16))
    assert adapt(lstm, load_tokenizer(), "lstm", context=10) is lstm
    assert isinstance(adapt(model, load_tokenizer(), "gpt2", context=10), WindowedModel)
    with pytest.raises(InputError, match="context of 32 bases leaves no base to predict in a window of 32"):
        adapt(model, load_tokenizer(), "gpt2", context=32)
    with pytest.raises(InputError, match="read it in windows"):
        score_genes(model, [GENE])
