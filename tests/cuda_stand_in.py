"""A stand-in for a CUDA device: tensors that say they lie there, are computed on the CPU, and refuse to be mixed.

It shows, without a GPU, that code puts everything on one device and comes to the same there. What it cannot show is
what kernels do. Only what needs no gradients runs: autograd asks the driver.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda", 0)

_COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
"""The operations that lead from one device to another."""


class OnDevice(torch.Tensor):
    """A tensor that says it is on `DEVICE`; `held` is the one that is computed with."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "OnDevice":
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        result = torch.Tensor._make_wrapper_subclass(cls, held.shape, device=DEVICE, **layout)
        result.held = held.detach()
        return result

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, args, kwargs or {})

    # What Python asks of a tensor without going through an operation.

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError("can't convert a tensor on cuda:0 to numpy; copy it to the CPU first")
        return self.held.numpy()

    def cpu(self) -> torch.Tensor:
        return self.held

    def tolist(self) -> Any:
        return self.held.tolist()

    def item(self) -> Any:
        return self.held.item()

    def contiguous(self) -> "OnDevice":
        return OnDevice(self.held.contiguous())

    def nonzero(self) -> "OnDevice":
        return OnDevice(self.held.nonzero())

    def __getitem__(self, index: Any) -> "OnDevice":  # indices may lie on the CPU
        return OnDevice(self.held[tree_map(_held, index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if any(isinstance(part, torch.Tensor) for part in tree_leaves(index)):
            _refuse_mixture("index_put_", [self, value])
        self.held[tree_map(_held, index)] = _held(value)

    def __invert__(self) -> "OnDevice":
        return OnDevice(~self.held)

    def __int__(self) -> int:
        return int(self.held)

    def __float__(self) -> float:
        return float(self.held)

    def __bool__(self) -> bool:
        return bool(self.held)


class _EveryOperation(TorchDispatchMode):
    """Operations whose tensors are all on the CPU come here; they may ask for a result that is not."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, args, kwargs or {})


class _TensorsFromData(TorchFunctionMode):
    """`torch.tensor` asks the driver before any operation comes by, so that it makes its tensor on the CPU.

    It is not replaced: torch remembers its functions, and would go on with the replacement when the context is over.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.tensor and kwargs.get("device") is not None and torch.device(kwargs["device"]) == DEVICE:
            return OnDevice(function(*args, **{**kwargs, "device": torch.device("cpu")}))
        return function(*args, **kwargs)


@contextlib.contextmanager
def cuda_stand_in() -> Iterator[torch.device]:
    """Give a device that tensors and models can be moved to, and computed on, for as long as the context lasts."""
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with (
            mock.patch.object(torch.cuda, "_lazy_init"),
            torch.no_grad(),
            _TensorsFromData(),
            _EveryOperation(),
        ):
            yield DEVICE
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)


def _run(operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    if operation not in _COPIES:
        _refuse_mixture(str(operation), given)
    on_device = any(isinstance(one, OnDevice) for one in given)
    if kwargs.get("device") is not None:
        on_device = torch.device(kwargs["device"]) == DEVICE
        if on_device:
            kwargs = {**kwargs, "device": torch.device("cpu")}
    result = operation(*tree_map(_held, args), **tree_map(_held, kwargs))
    same = {id(_held(one)): one for one in given}  # what was changed in place stays what it was

    def give_back(part: Any) -> Any:
        if not isinstance(part, torch.Tensor) or id(part) in same:
            return same.get(id(part), part)
        return OnDevice(part) if on_device else part

    return tree_map(give_back, result)


def _held(part: Any) -> Any:
    return part.held if isinstance(part, OnDevice) else part


def _refuse_mixture(operation: str, parts: list[Any]) -> None:
    """Fail as CUDA does; a tensor without dimensions counts as a number."""
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    elsewhere = [part for part in tensors if not isinstance(part, OnDevice) and part.dim()]
    if elsewhere and any(isinstance(part, OnDevice) for part in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device: {operation} of cuda:0 and cpu")
