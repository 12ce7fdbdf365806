"""What `generate` hands from step to step arrives, under whatever name, or is refused: never a wrong gene."""

import functools
import inspect
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, set_seed

from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    GeneRNNConfig,
    GeneRNNForCausalLM,
    fit_head,
)
from genelm.modeling.recurrent_cache import STATE_NAME, UNUSED_INPUTS
from genelm.tokenization import encode, load_tokenizer

TOKENIZER = load_tokenizer()
PROMPTS = ["ATGGCCTTACGTTGCAACGGTACG", "GGT"]

SWITCHES = {"return_dict", "output_attentions", "output_hidden_states"}
"""What transformers asks of the outputs, and passes whatever the model."""


def laplace() -> PreTrainedModel:
    return GeneNGramForCausalLM(GeneNGramConfig(order=3)).count([torch.from_numpy(encode("ACGTTGGA"))])


def mixture() -> PreTrainedModel:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=14, smoothing="mixture"))
    genes = [torch.from_numpy(encode(g)) for g in ("ACGTTGCAACGGTACGATTAGACA" * 3, "GGANCC", "TTGACGGTACGATTAGCCA")]
    fit_head(model.count(genes), genes[::-1], silent=True)
    return model


def recurrent(cell_type: str) -> PreTrainedModel:
    set_seed(0)
    model = GeneRNNForCausalLM(GeneRNNConfig(cell_type=cell_type, embedding_size=8, hidden_size=16))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.eval()


@pytest.fixture(params=["laplace", "mixture", "lstm", "gru"])
def model(request) -> PreTrainedModel:
    return {"laplace": laplace, "mixture": mixture}.get(request.param, lambda: recurrent(request.param))()


def inputs(prompts: list[str]) -> dict[str, torch.Tensor]:
    return dict(TOKENIZER(prompts, return_tensors="pt", padding=True, padding_side="left"))


@pytest.mark.parametrize("options", [{"do_sample": False}, {"do_sample": True}, {"num_beams": 3, "do_sample": False}])
def test_forward_knows_every_keyword_that_generate_passes(model: PreTrainedModel, options: dict, monkeypatch) -> None:
    forward, passed = model.forward, set()

    @functools.wraps(forward)
    def spy(*args: Any, **kwargs: Any) -> Any:
        passed.update(name for name, value in kwargs.items() if value is not None)
        return forward(*args, **kwargs)

    monkeypatch.setattr(model, "forward", spy)
    model.generate(**inputs(PROMPTS), max_new_tokens=5, **options)
    known = set(inspect.signature(type(model).forward).parameters) - {"kwargs"}
    assert "input_ids" in passed
    assert passed <= known | set(UNUSED_INPUTS) | SWITCHES


def test_each_step_of_generate_sees_the_whole_gene(model: PreTrainedModel) -> None:
    """Step by step with a forward pass over all, by hand, and by `generate` with its state."""
    tokens = inputs(PROMPTS[:1])["input_ids"]
    by_hand = tokens
    for _ in range(20):
        logits = model(by_hand, use_cache=False).logits[:, -1]
        logits[:, :4] = -torch.inf  # bases alone
        by_hand = torch.cat([by_hand, logits.argmax(-1, keepdim=True)], dim=1)
    written = model.generate(
        **inputs(PROMPTS[:1]), do_sample=False, max_new_tokens=20, suppress_tokens=[0, 1, 2, 3], top_k=0
    )
    assert torch.equal(written, by_hand)


@pytest.mark.parametrize("name", ["past_key_values", "cache"])
def test_a_state_goes_by_either_name(model: PreTrainedModel, name: str) -> None:
    tokens = inputs(PROMPTS[:1])["input_ids"]
    whole = model(tokens).logits
    first = model(tokens[:, :9], use_cache=True)
    state = first.get(STATE_NAME)
    if isinstance(model, GeneNGramForCausalLM) and not model.config.has_index:
        assert state is None
        return
    second = model(tokens[:, 9:], **{name: state}, use_cache=True)
    assert torch.allclose(second.logits, whole[:, 9:], atol=1e-5)
    assert second[STATE_NAME].get_seq_length() == tokens.shape[1]
    with pytest.raises(ValueError, match="two names of one thing"):
        model(tokens, past_key_values=state, cache=state)


def test_a_state_under_a_name_to_come_is_refused(model: PreTrainedModel) -> None:
    tokens = inputs(PROMPTS[:1])["input_ids"]
    for unknown in (object(), torch.zeros(1), [torch.zeros(1)], (torch.zeros(1),)):
        with pytest.raises(TypeError, match=r"forward\(\) got memory, a .*does not know"):
            model(tokens, memory=unknown)
    expected = model(tokens, use_cache=False).logits
    assert torch.equal(model(tokens, use_cache=False, output_attentions=False, return_dict=True).logits, expected)
