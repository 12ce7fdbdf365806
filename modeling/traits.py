"""What the code around a network has to know of it, read off the network in one place."""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class ModelTraits:
    """What a causal model reads, and how it is run.

    Attributes:
        model_type: as transformers names the architecture.
        vocab_size: tokens of its vocabulary; None where the model does not say.
        max_tokens: tokens it reads at once, `[BOS]` included; None for any number.
        carries_state: whether it can go on from the state that it returned for the tokens before.
        fastest_on_cpu: whether a GPU would only slow it down.
        fitted_on_validation: whether weights of it were fitted on validation genes.
        one_token_per_base: whether every base is a token of its own, so that each has a score.
        is_adapted: whether it is a network behind an adapter (`genelm.eval.adapt`), which can be scored and no more.
    """

    model_type: str
    vocab_size: int | None
    max_tokens: int | None
    carries_state: bool
    fastest_on_cpu: bool
    fitted_on_validation: bool
    one_token_per_base: bool = True
    is_adapted: bool = False

    @property
    def max_bases(self) -> int | None:
        """Bases of the longest gene it reads; None for any number."""
        return None if self.max_tokens is None else self.max_tokens - 1


def traits_of(model: torch.nn.Module) -> ModelTraits:
    """Return the traits of a network of genelm or transformers, or those that an adapter states of itself."""
    stated = getattr(model, "traits", None)
    if isinstance(stated, ModelTraits):
        return stated
    config: Any = getattr(model, "config", None)
    return ModelTraits(
        model_type=getattr(config, "model_type", type(model).__name__),
        vocab_size=getattr(config, "vocab_size", None),
        max_tokens=getattr(config, "max_position_embeddings", None),
        carries_state=getattr(model, "carries_state", False),
        fastest_on_cpu=getattr(model, "prefers_cpu", False),
        fitted_on_validation=getattr(config, "has_index", False),
    )
