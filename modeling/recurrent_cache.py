"""A state that is carried from token to token, in the form in which `generate` carries a key-value cache.

The file stands alone: it travels to the Hub beside the models that use it.
"""

from collections.abc import Callable
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.modeling_outputs import CausalLMOutputWithPast

STATE_NAME = "cache" if "cache" in CausalLMOutputWithPast.__dataclass_fields__ else "past_key_values"
"""What transformers calls the state in the outputs of a model: `cache` since 5.24. Inputs may have either name."""

UNUSED_INPUTS = ("position_ids", "cache_position")
"""What `generate` passes besides, and a state makes superfluous."""


def refuse_unknown_inputs(inputs: dict[str, Any]) -> None:
    """Refuse what a model would overlook: a state or a tensor under a name that it does not know.

    transformers has renamed the state more than once. A model that lets it pass reads every base as if it were the
    first, and writes wrong genes without a word. Switches (None, truth values, numbers, texts) may be overlooked.

    Args:
        inputs: keyword arguments that `forward` has no parameter for.

    Raises:
        TypeError: names the argument.
    """
    for name, value in inputs.items():
        if name not in UNUSED_INPUTS and not isinstance(value, bool | int | float | str | None):
            raise TypeError(
                f"forward() got {name}, a {type(value).__name__}, which this model does not know; leave it out, or "
                "use a release of transformers that the model card names"
            )


class RecurrentState(CacheLayerMixin):
    """The state of a whole model after some tokens.

    Attributes:
        tensors: what the model carries; empty before the first forward pass.
        num_tokens: tokens the state has seen, padding included.
        batch_dim: dimension of the tensors that is the batch.
    """

    supports_early_init = False

    def __init__(self, batch_dim: int) -> None:
        super().__init__()
        self.tensors: tuple[torch.Tensor, ...] = ()
        self.num_tokens = 0
        self.batch_dim = batch_dim

    def _apply(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.tensors = tuple(function(tensor) for tensor in self.tensors)

    def advance(self, tensors: tuple[torch.Tensor, ...], num_tokens: int) -> None:
        """Replace the state by the one after `num_tokens` more tokens."""
        self.tensors = tensors
        self.num_tokens += num_tokens
        self.is_initialized = True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Refuse: there are no keys and values here."""
        raise NotImplementedError("a recurrent state has no keys and values")

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the state changes by `advance`."""
        raise NotImplementedError("a recurrent state has no keys and values; it changes by advance()")

    def get_seq_length(self) -> int:
        """Return the number of tokens seen."""
        return self.num_tokens

    def get_max_length(self) -> int:
        """Return -1: a recurrent state has no longest sequence."""
        return -1

    def get_max_cache_shape(self) -> int:
        """Return the same under the name that it has in transformers before 5.13."""
        return self.get_max_length()

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return the length and offset of an attention mask over all tokens seen so far and the new ones."""
        return self.num_tokens + query_length, 0

    def reset(self) -> None:
        """Forget everything."""
        self.tensors, self.num_tokens, self.is_initialized = (), 0, False

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Reorder the batch as beam search asks."""
        self.batch_select_indices(beam_idx)

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows of the batch that `indices` names, in that order."""
        self._apply(lambda tensor: tensor.index_select(self.batch_dim, indices.to(tensor.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each row of the batch `repeats` times."""
        self._apply(lambda tensor: tensor.repeat_interleave(repeats, dim=self.batch_dim))

    def offload(self) -> None:
        """Move the state to the CPU."""
        self._apply(lambda tensor: tensor.to("cpu"))

    def prefetch(self) -> None:
        """Do nothing: the next forward pass brings the state to its device."""

    def crop(self, max_length: int) -> None:
        """Refuse: a recurrent state cannot go back."""
        raise NotImplementedError("a recurrent state cannot be cropped to an earlier token")


class RecurrentCache(Cache):
    """The cache of a model with a recurrent state: one state for all layers."""

    def __init__(self, batch_dim: int) -> None:
        super().__init__(layers=[RecurrentState(batch_dim)])

    @property
    def state(self) -> RecurrentState:
        """The recurrent state."""
        return self.layers[0]

    @classmethod
    def of(
        cls, past_key_values: Cache | None, cache: Cache | None, batch_dim: int, use_cache: bool
    ) -> "RecurrentCache | None":
        """Return the cache to go on from, a new one where there is none yet and one is wanted.

        Args:
            past_key_values: the cache under the name that transformers had for it before 5.24.
            cache: the same under its name since then.
            batch_dim: as of `RecurrentState`.
            use_cache: whether one is wanted.

        Raises:
            ValueError: there are two, or the cache is that of another kind of model, with tokens in it.
        """
        if past_key_values is not None and cache is not None:
            raise ValueError("past_key_values and cache are two names of one thing; give one of them")
        given = cache if past_key_values is None else past_key_values
        if given is not None and not isinstance(given, cls):
            if given.get_seq_length() > 0:
                raise ValueError(f"the cache is a {type(given).__name__}; a {cls.__name__} was expected")
            given = None
        return cls(batch_dim) if given is None and use_cache else given
