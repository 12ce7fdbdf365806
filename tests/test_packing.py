"""Packed rows: what a model says and learns of a gene does not depend on its neighbours in the row."""

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM
from genelm.training import pack, use_packed_rows
from genelm.training.model_factory import build_model

TOKENS = [2, 4, 5, 6, 7]
LENGTHS = [150, 131, 70, 9, 8, 7, 6, 5, 3, 1]
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0},
    "llama": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "mistral": {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
    },
    "bloom": {"hidden_size": 16, "n_layer": 1, "n_head": 2},
    "mamba": {"hidden_size": 16, "state_size": 4, "num_hidden_layers": 1},
}


_FROM_5 = pytest.mark.skipif(
    transformers.__version__.startswith("4."), reason="GPT-2 hands nothing to its attention before transformers 5"
)
GPT2 = pytest.param("gpt2", marks=_FROM_5)


def build(model_type: str, **more: int) -> PreTrainedModel:
    torch.manual_seed(0)
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    shape = {**special, **SHAPES[model_type], **more}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **shape))


def nats(model: PreTrainedModel, rows: torch.Tensor, more: dict[str, Any], where: slice, dtype: torch.dtype) -> Any:
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        logits = model(input_ids=rows, use_cache=False, **more).logits
    return torch.nn.functional.cross_entropy(logits[0, where].float(), rows[0, where], reduction="sum")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("model_type", [GPT2, "llama"])
def test_gradients_of_a_gene_do_not_depend_on_its_neighbours(model_type: str, dtype: torch.dtype) -> None:
    model, alone = build(model_type), build(model_type)
    assert use_packed_rows(model, TOKENS)
    lengths = np.array(LENGTHS)
    row = torch.randint(4, 8, (1, sum(LENGTHS)), generator=torch.Generator().manual_seed(1))
    start = 0
    for length in LENGTHS:
        where = slice(start, start + length)
        others = row.clone()
        others[0, : where.start], others[0, where.stop :] = 4, 7
        gradients, losses = [], []
        for network, tokens, more, place in (
            (model, row, pack(lengths, row.device), where),
            (model, others, pack(lengths, row.device), where),
            (alone, row[:, where], {}, slice(0, length)),
        ):
            network.zero_grad()
            loss = nats(network, tokens, more, place, dtype)
            loss.backward()
            losses.append(loss.item())
            gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
        assert losses[0] == losses[1]
        assert torch.equal(gradients[0], gradients[1])
        # Alone, attention goes another way (PyTorch's own), so rounding differs.
        tolerance = 1e-5 if dtype == torch.float32 else 0.03
        assert losses[0] == pytest.approx(losses[2], rel=tolerance)
        assert (gradients[0] - gradients[2]).norm() <= tolerance * gradients[2].norm() + 1e-6
        start += length


def varlen_attn_by_the_book(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cu_seq_q: torch.Tensor,
    cu_seq_k: torch.Tensor,
    max_q: int,
    max_k: int,
    scale: float,
    window_size: tuple[int, int],
    enable_gqa: bool,
) -> torch.Tensor:
    """Do what PyTorch documents of its flash attention for rows of many sequences, gene by gene."""
    assert query.shape[-1] % 8 == 0
    assert cu_seq_q.dtype == torch.int32
    assert window_size == (-1, 0)
    lengths = cu_seq_q.diff().tolist()
    assert max_q == max_k == max(lengths)
    rows = zip(*(states.transpose(0, 1).split(lengths, dim=1) for states in (query, key, value)), strict=True)
    attention = torch.nn.functional.scaled_dot_product_attention
    genes = [attention(*row, is_causal=True, scale=scale, enable_gqa=enable_gqa) for row in rows]
    return torch.cat(genes, dim=1).transpose(0, 1)


@pytest.mark.skipif(
    importlib.util.find_spec("torch.nn.attention.varlen") is None, reason="this PyTorch has no such kernel"
)
@pytest.mark.parametrize(("model_type", "width"), [("gpt2", 16), ("gpt2", 18), ("llama", 16)])
def test_flash_attention_is_asked_for_the_same(model_type: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(model_type, **{"n_embd" if model_type == "gpt2" else "hidden_size": width})
    assert use_packed_rows(model, TOKENS)
    lengths = np.array(LENGTHS)
    row, more = torch.randint(4, 8, (1, sum(LENGTHS))), pack(lengths, torch.device("cpu"))
    said = model(input_ids=row, use_cache=False, **more).logits
    monkeypatch.setattr("genelm.training.packing._has_flash", lambda query, value: True)
    monkeypatch.setattr("genelm.training.packing._causal", None)
    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", varlen_attn_by_the_book)
    torch.testing.assert_close(model(input_ids=row, use_cache=False, **more).logits, said)


@pytest.mark.parametrize("model_type", ["mistral", "bloom", "mamba"])
def test_models_that_want_more_of_attention_are_left_as_they_were(model_type: str) -> None:
    model = build(model_type)
    before = model.config._attn_implementation
    row = torch.tensor([TOKENS * 3])
    said = model(input_ids=row, use_cache=False).logits
    assert not use_packed_rows(model, TOKENS)
    assert model.config._attn_implementation == before
    assert torch.equal(model(input_ids=row, use_cache=False).logits, said)


def test_a_model_whose_weights_are_too_small_to_show_it_is_not_packed_wrongly() -> None:
    layers = {"layer_types": ["conv", "full_attention"], "hidden_size": 32, "intermediate_size": 64}
    section = {"model_type": "lfm2", "num_attention_heads": 2, "num_key_value_heads": 2, **layers}
    model = build_model({**section, "num_hidden_layers": 2})
    assert not use_packed_rows(model, TOKENS)  # its convolutions reach into the gene before


def test_a_model_that_attends_in_chunks_is_not_packed() -> None:
    model = build("llama")
    model.config.attention_chunk_size = 8192  # as llama4_text has it, whose mask alone knows of it
    assert not use_packed_rows(model, TOKENS)


def test_a_recurrent_model_is_not_packed() -> None:
    assert not use_packed_rows(GeneRNNForCausalLM(GeneRNNConfig(hidden_size=8)), TOKENS)


@_FROM_5
def test_attention_weights_are_dropped_out() -> None:
    model = build("gpt2")
    assert use_packed_rows(model, TOKENS)
    for block in model.transformer.h:
        block.attn.attn_dropout.p = 0.5
    row, more = torch.tensor([TOKENS * 4]), pack(np.array([12, 8]), torch.device("cpu"))
    model.train()
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            one, other = (model(input_ids=row, use_cache=False, **more).logits for _ in range(2))
        assert not torch.equal(one, other)
