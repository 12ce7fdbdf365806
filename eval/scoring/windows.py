"""Genes that are longer than a model has positions for, read in windows that overlap."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch

from genelm.modeling import traits_of
from genelm.storage import InputError


class WindowedModel(torch.nn.Module):
    """A causal model with a fixed number of positions, which reads longer genes in windows.

    Every window begins with `[BOS]` and goes on where the one before ended, after so many bases of context from there,
    which are read but not predicted again. So a base has at least that context, if the gene has it. A gene that fits
    is read as ever.
    """

    def __init__(self, model: torch.nn.Module, context: int) -> None:
        """Wrap a model.

        Args:
            model: over genelm's vocabulary, with a greatest number of tokens, one of them for `[BOS]`.
            context: bases, fewer than a window has.

        Raises:
            InputError: the context leaves a window nothing to predict.
        """
        super().__init__()
        traits = traits_of(model)
        assert traits.max_tokens is not None
        self.model, self._context, self._positions = model, context, traits.max_tokens
        if not 0 <= context < self._positions - 1:
            raise InputError(
                f"A context of {context:,} bases leaves no base to predict in a window of {self._positions - 1:,}; "
                "give fewer."
            )
        self.traits = replace(traits, max_tokens=None, carries_state=False, is_adapted=True)
        self.config: Any = SimpleNamespace(model_type=traits.model_type)
        self.train(model.training)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device  # type: ignore[return-value]

    def forward(self, input_ids: torch.Tensor, **options: Any) -> SimpleNamespace:
        """Return `logits`, `[batch, length, vocabulary]`, for ids of any length, `[batch, length]`, `[BOS]` first."""
        done = self._positions
        pieces = [self.model(input_ids=input_ids[:, :done], **options).logits]
        while done < input_ids.shape[1]:
            first = done - self._context
            bases = input_ids[:, first : first + self._positions - 1]
            window = torch.cat([input_ids[:, :1], bases], dim=1)
            pieces.append(self.model(input_ids=window, **options).logits[:, 1 + self._context :])
            done = first + bases.shape[1]
        return SimpleNamespace(logits=torch.cat(pieces, dim=1))
