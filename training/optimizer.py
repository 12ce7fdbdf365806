"""The optimizer of a run: AdamW, or Muon for the matrices of the layers with AdamW for the rest."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from genelm.storage import InputError

from .options import TrainingConfig


class Muon(torch.optim.Optimizer):
    """PyTorch's Muon, multiplying in the precision of the run.

    Muon makes the steps of a matrix nearly orthogonal, by an iteration of products (Jordan et al., Muon: an optimizer
    for hidden layers in neural networks, 2024). PyTorch's has them in bf16 always, which is many times slower than
    float32 on a processor that has no such products, and makes steps depend on the number of processes.

    Args:
        matrices: what to optimize.
        dtype: of the products.
        lr: learning rate.
        weight_decay: what a step takes off a weight, for each unit of the learning rate.
    """

    def __init__(self, matrices: list[nn.Parameter], *, dtype: torch.dtype, lr: float, weight_decay: float) -> None:
        # Names and values are those of torch.optim.Muon, which checkpoints have; it comes with torch 2.9 only.
        constants = {
            "momentum": 0.95,
            "nesterov": True,
            "ns_coefficients": (3.4445, -4.775, 2.0315),
            "eps": 1e-7,
            "ns_steps": 5,
            "adjust_lr_fn": "match_rms_adamw",
        }
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, **constants})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step, as long as one of AdamW would be (Liu et al., Muon is scalable for LLM training, 2025).

        A closure is not called.
        """
        for group in self.param_groups:
            for matrices in _of_one_shape([one for one in group["params"] if one.grad is not None]):
                steps = self._orthogonal(torch.stack([self._update(one, group) for one in matrices]), group)
                for matrix, step in zip(matrices, steps, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(_laid_out_as(matrix, step), alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)

    def _update(self, matrix: nn.Parameter, group: dict[str, Any]) -> torch.Tensor:
        """Bring the mean of a matrix's gradients up to date and return where it leads to, whole and to multiply."""
        state, gradient = self.state[matrix], matrix.grad
        assert gradient is not None
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(mean, group["momentum"]).to(self._dtype)
        return update.full_tensor() if isinstance(update, DTensor) else update

    def _orthogonal(self, x: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """Bring the singular values of matrices, `[n_matrices, rows, columns]`, near 1.

        By Newton and Schulz' iteration, a polynomial of fifth degree.
        """
        a, b, c = group["ns_coefficients"]
        is_tall = x.shape[1] > x.shape[2]
        x = x.mT if is_tall else x
        x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=group["eps"])
        for _ in range(group["ns_steps"]):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        return x.mT if is_tall else x


def _of_one_shape(matrices: list[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Put together what is multiplied at once, by fewer kernels; sharded matrices are made whole one by one."""
    groups: dict[Any, list[nn.Parameter]] = {}
    for matrix in matrices:
        groups.setdefault(id(matrix) if isinstance(matrix, DTensor) else matrix.shape, []).append(matrix)
    return list(groups.values())


def _laid_out_as(matrix: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Shard a tensor that every process has as a matrix is, if it is."""
    if not isinstance(matrix, DTensor):
        return whole
    return distribute_tensor(whole, matrix.device_mesh, matrix.placements, src_data_rank=None)


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers as one: one state, one schedule, and in fp16 one scale of the loss.

    Args:
        muon: has the matrices.
        adamw: has what else there is.
    """

    def __init__(self, muon: Muon, adamw: torch.optim.AdamW) -> None:
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

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step with both; a closure is not called."""
        self._muon.step()
        self._adamw.step()


def make_optimizer(model: PreTrainedModel, config: TrainingConfig, precision: str) -> torch.optim.Optimizer:
    """Return the optimizer that a config names; biases and norms have no weight decay.

    Args:
        model: whose weights it changes.
        config: of the run.
        precision: of the run, `no`, `bf16` or `fp16`.

    Raises:
        InputError: Muon is asked for, but the model has no matrix that it could take.
    """
    matrices = _layer_matrices(model) if config.optimizer == "muon" else []
    if config.optimizer == "muon" and not matrices:
        raise InputError(f"A {model.config.model_type} has no linear layer for --optimizer muon; give adamw.")
    taken = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in model.parameters() if parameter.requires_grad and id(parameter) not in taken]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (config.adam_beta1, config.adam_beta2)
    adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
    if not matrices:
        return adamw
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    muon = Muon(matrices, dtype=dtype, lr=config.learning_rate, weight_decay=config.weight_decay)
    return MuonWithAdamW(muon, adamw)


def _layer_matrices(model: PreTrainedModel) -> list[nn.Parameter]:
    """Return the matrices that lead from one layer of activations to the next: neither embeddings nor the head."""
    head = model.get_output_embeddings()
    layers = [one for one in model.modules() if isinstance(one, nn.Linear | nn.RNNBase | Conv1D) and one is not head]
    found = {id(p): p for layer in layers for p in layer.parameters() if p.ndim == 2 and p.requires_grad}
    return list(found.values())
