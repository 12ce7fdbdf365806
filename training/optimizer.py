"""The optimizer of a run: AdamW, or Muon for the matrices of the layers with AdamW for the rest."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from .options import TrainingConfig


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers as one: one state, one schedule, and in fp16 one scale of the loss.

    Args:
        muon: has the matrices.
        adamw: has what else there is.
    """

    def __init__(self, muon: torch.optim.Muon, adamw: torch.optim.AdamW) -> None:
        self._muon, self._adamw = muon, adamw
        super().__init__([*muon.param_groups, *adamw.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let both parts work with the groups and the state of the whole."""
        count = len(self._muon.param_groups)
        self._muon.param_groups, self._adamw.param_groups = self.param_groups[:count], self.param_groups[count:]
        self._muon.state = self._adamw.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of both parts; as of any optimizer."""
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step with both; as of any optimizer."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._muon.step()
        self._adamw.step()
        return loss


def make_optimizer(model: PreTrainedModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimizer that a config names; biases and norms have no weight decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = _layer_matrices(model) if config.optimizer == "muon" else []
    taken = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in parameters if id(parameter) not in taken]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (config.adam_beta1, config.adam_beta2)
    adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
    if not matrices:
        return adamw
    # Its steps are made as long as those of AdamW, so that one learning rate and one weight decay serve both.
    muon = torch.optim.Muon(
        matrices, lr=config.learning_rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return MuonWithAdamW(muon, adamw)


def _layer_matrices(model: PreTrainedModel) -> list[nn.Parameter]:
    """Return the matrices that lead from one layer of activations to the next: neither embeddings nor the head."""
    head = model.get_output_embeddings()
    layers = [one for one in model.modules() if isinstance(one, nn.Linear | nn.RNNBase | Conv1D) and one is not head]
    found = {id(p): p for layer in layers for p in layer.parameters() if p.ndim == 2 and p.requires_grad}
    return list(found.values())
