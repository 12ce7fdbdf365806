"""Packed rows: genes one after the other in one row without padding, none of which sees another.

All that a transformer does to each position by itself runs on the row as it is. Attention alone has to know where a
gene begins: `packed_attention` is registered with transformers under the name `PACKED` and is told by the argument
`packing`, which models hand down to it. Where a batch comes without it, attention is what it always was.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from .model_factory import with_large_weights

PACKED = "packed_genes"
"""Name of `packed_attention` for `set_attn_implementation`."""

_GENES_PER_ARRAY = 8
_QUERIES_PER_BLOCK = 128
_LENGTH_STEP = 64
"""Padded arrays are as long as a multiple of this: products of a new shape are compiled, which takes longer than
they do."""

_LONGEST_IN_BLOCKS = 2048

_LARGEST_FLASH_HEAD = 256

_UNSUPPORTED = ("sliding_window", "softcap", "s_aux", "position_bias")
"""What some models ask of attention besides being causal; they train on padded rows instead."""


@dataclass(frozen=True)
class Padded:
    """The genes of a packed row as padded arrays, each of some neighbours of similar length.

    Attributes:
        places: where each position of the arrays lies in the row, padding at the end of its gene, `[n_positions]`.
        shapes: genes and length of each array; their products add up to `n_positions`.
        unpadded: the place of each token of the row among `places`, `[n_tokens]`.
    """

    places: torch.Tensor
    shapes: list[tuple[int, int]]
    unpadded: torch.Tensor

    def split(self, states: torch.Tensor) -> list[torch.Tensor]:
        """Cut a row, `[n_tokens, heads, head_size]`, into the arrays, each `[genes, heads, length, head_size]`."""
        # Selected at once: the gradient of each selection would be as long as the row.
        parts = states.index_select(0, self.places).split([genes * length for genes, length in self.shapes])
        return [
            part.view(*shape, *states.shape[1:]).transpose(1, 2)
            for part, shape in zip(parts, self.shapes, strict=True)
        ]

    def join(self, arrays: list[torch.Tensor]) -> torch.Tensor:
        """Put what `split` gave back into the order of the row."""
        return torch.cat([array.transpose(1, 2).flatten(0, 1) for array in arrays]).index_select(0, self.unpadded)


@dataclass(frozen=True)
class Packing:
    """Where the genes of a packed row begin and end.

    Attributes:
        lengths: tokens of each gene, `[n_genes]`.
        device: of the row.
    """

    lengths: npt.NDArray[np.int64]
    device: torch.device

    @cached_property
    def boundaries(self) -> torch.Tensor:
        """First place of each gene, and the end of the last, `[n_genes + 1]`, int32."""
        return to_device(np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int32), self.device)

    @cached_property
    def padded(self) -> Padded:
        """The genes as padded arrays; little is padding where they are in the order of length."""
        ends = np.cumsum(self.lengths)
        starts = ends - self.lengths
        places, shapes, unpadded, offset = [], [], [], 0
        for first in range(0, len(self.lengths), _GENES_PER_ARRAY):
            some = slice(first, first + _GENES_PER_ARRAY)
            column = np.arange(-(-self.lengths[some].max() // _LENGTH_STEP) * _LENGTH_STEP)
            array = np.minimum(starts[some, None] + column, ends[some, None] - 1)
            places.append(array.ravel())
            shapes.append(array.shape)
            unpadded.append(offset + np.flatnonzero(column < self.lengths[some, None]))
            offset += array.size
        return Padded(
            to_device(np.concatenate(places), self.device), shapes, to_device(np.concatenate(unpadded), self.device)
        )


def to_device(array: npt.NDArray[Any], device: torch.device) -> torch.Tensor:
    """Copy an array to a device, without waiting for what a GPU is still at."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    packing: Packing | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each gene to what came before: an attention function of transformers.

    Args:
        module: the attention layer.
        query: `[1, heads, n_tokens, head_size]` of a packed row, or `[batch, heads, length, head_size]` without one.
        key: like `query`, possibly with fewer heads.
        value: like `key`.
        attention_mask: not looked at with a packing.
        packing: where the genes of the row lie; None where the batch is not packed.
        scaling: what products of queries and keys are multiplied by; one over the root of the head size by default.
        dropout: share of attention weights zeroed.
        kwargs: what else transformers hands to attention functions.

    Returns:
        `[1, n_tokens, heads, head_size]`, and no attention weights.

    Raises:
        NotImplementedError: the model asks of attention what is not done here.
    """
    asked = [name for name in _UNSUPPORTED if kwargs.get(name) is not None]
    if asked:
        raise NotImplementedError(f"packed rows with {', '.join(asked)}")
    if packing is None:
        result: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return result
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if torch.is_autocast_enabled(query.device.type):  # rotated queries and keys come in float32
        dtype = torch.get_autocast_dtype(query.device.type)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    queries, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    if dropout == 0.0 and _has_flash(query, value):
        return _flash(queries, keys, values, packing, scaling).unsqueeze(0), None
    padded = packing.padded
    arrays = zip(padded.split(queries), padded.split(keys), padded.split(values), strict=True)
    return padded.join([_causal(q, k, v, scaling, dropout) for q, k, v in arrays]).unsqueeze(0), None


_HAS_VARLEN = importlib.util.find_spec("torch.nn.attention.varlen") is not None
"""PyTorch 2.7 lacks that kernel; without it, attention works on groups of genes of like length."""


def _has_flash(query: torch.Tensor, value: torch.Tensor) -> bool:
    """Return whether PyTorch's flash attention for rows of many sequences takes such queries and values."""
    return (
        _HAS_VARLEN
        and query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and query.shape[-1] == value.shape[-1] <= _LARGEST_FLASH_HEAD
    )


def _flash(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    """Attend by one kernel for all genes; each argument is `[n_tokens, heads, head_size]`."""
    from torch.nn.attention.varlen import varlen_attn

    size, longest = queries.shape[-1], int(packing.lengths.max())
    if size % 8:  # the kernel wants a multiple; zeros change no product
        queries, keys, values = (functional.pad(states, (0, -size % 8)) for states in (queries, keys, values))
    attended = varlen_attn(
        queries,
        keys,
        values,
        packing.boundaries,
        packing.boundaries,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=queries.shape[1] != keys.shape[1],
    )
    assert isinstance(attended, torch.Tensor)
    return attended[..., :size]


def _causal(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float, dropout: float
) -> torch.Tensor:
    """Attend to all that came before; each argument is `[genes, heads, length, head_size]`."""
    length = query.shape[2]
    if query.is_cuda or query.dtype == torch.float32 or length > _LONGEST_IN_BLOCKS:
        gqa = query.shape[1] != key.shape[1]
        return functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=gqa
        )
    # PyTorch's flash attention for CPUs does not use their bfloat16 products; plain products of blocks of queries with
    # all earlier keys do, and are nearly twice as fast (benchmarks/train.py).
    repeats = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    query, parts = query * scaling, []
    for start in range(0, length, _QUERIES_PER_BLOCK):
        end = min(length, start + _QUERIES_PER_BLOCK)
        scores = query[:, :, start:end] @ key[:, :, :end].transpose(-1, -2)
        later = torch.full((end - start, end - start), -torch.inf, dtype=scores.dtype, device=scores.device).triu(1)
        weights = (scores + functional.pad(later, (start, 0))).softmax(-1)
        parts.append(functional.dropout(weights, dropout) @ value[:, :, :end])
    return torch.cat(parts, dim=2)


AttentionInterface.register(PACKED, packed_attention)


def pack(lengths: npt.NDArray[np.int64], device: torch.device) -> dict[str, Any]:
    """Return what a model needs besides the ids of a packed row: positions that begin anew with each gene, and where
    the genes lie.

    Args:
        lengths: tokens of each gene of the row.
        device: of the model.
    """
    starts = np.cumsum(lengths) - lengths
    positions = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    return {"position_ids": to_device(positions[None], device), "packing": Packing(lengths, device)}


@torch.no_grad()
def use_packed_rows(model: PreTrainedModel, tokens: Sequence[int]) -> bool:
    """Let a model attend in packed rows, if it is a transformer that then says of each gene what it says of it alone.

    Args:
        model: any causal language model; one that cannot read packed rows is left as it was.
        tokens: ids to try it with, at least two.

    Returns:
        Whether it reads packed rows.
    """
    if getattr(model.config, "attention_chunk_size", None):  # it is in the mask, and longer than what is tried here
        return False
    genes = [torch.tensor([list(tokens) * repeats], device=model.device) for repeats in (5, 3)]
    lengths = np.array([gene.shape[1] for gene in genes])
    try:
        probe = with_large_weights(model)
        alone = torch.cat([probe(input_ids=gene, use_cache=False).logits for gene in genes], dim=1)
        probe.set_attn_implementation(PACKED)
        row = torch.cat(genes, dim=1)
        together = probe(input_ids=row, use_cache=False, **pack(lengths, model.device)).logits
        able = probe.config._attn_implementation == PACKED and torch.allclose(alone, together, atol=1e-4)
    except Exception:  # of whatever kind: models of others fail in ways of their own, and train on padded rows
        return False
    if able:
        model.set_attn_implementation(PACKED)
    return able
