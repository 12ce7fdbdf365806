"""Genes in batches of like length, shared out over the processes: how every pass of a model over genes is made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import PartialState
from accelerate.utils import reduce

from genelm.modeling import traits_of
from genelm.storage import progress_bar
from genelm.tokenization import BOS_ID, INPUT_FILLER, length_batches, pad_right


def this_process() -> PartialState:
    """Return which of how many processes this is, and its device.

    Without a GPU, Accelerate takes processes that were launched together for strangers unless it is told to use the
    CPU; each would then score everything.
    """
    return PartialState(cpu=not torch.accelerator.is_available())


@contextmanager
def exact_recurrence(is_wanted: bool = True) -> Iterator[None]:
    """Compute recurrent layers in float32, not in TF32, cuDNN's own choice, which has ten bits of mantissa.

    Args:
        is_wanted: leave the choice as it is where false.
    """
    switch: Any = getattr(torch.backends.cudnn, "rnn", None)
    name: str = "fp32_precision"
    exact: Any = "ieee"
    if not hasattr(switch, name):  # before torch 2.9 all of cuDNN has one switch
        switch, name, exact = torch.backends.cudnn, "allow_tf32", False
    before = getattr(switch, name)
    setattr(switch, name, exact if is_wanted else before)
    try:
        yield
    finally:
        setattr(switch, name, before)


def gene_batches(
    model: torch.nn.Module,
    encoded: Sequence[npt.NDArray[np.uint8]],
    max_positions: int,
    description: str | None,
    is_done: npt.NDArray[np.bool_] | None = None,
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield the batches of this process, with the model in evaluation mode until the last is done.

    Args:
        model: what will read them.
        encoded: ids of the letters of each gene.
        max_positions: positions of a batch, padding included.
        description: label of the progress bar; no bar where it is None.
        is_done: genes whose scores are known; a batch of such genes alone is left out. The others are the same
            batches, so that scores are the same to the last bit as if none had been known.

    Yields:
        The positions of the genes in `encoded`, and their ids, `[BOS]` first, padded on the right, on the model's
        device, shape `[n_genes, length]`. Each of several processes gets as many batches, so that models whose
        weights are shared out over them can be run: at the end one may be of no gene, a `[BOS]` alone.
    """
    state = this_process()
    most = traits_of(model).max_tokens  # a batch is longer by its padding
    training, device = model.training, getattr(model, "device", torch.device("cpu"))
    batches = length_batches(np.array([len(ids) + 1 for ids in encoded], dtype=np.int64), max_positions)
    mine = [batch.tolist() for batch in batches[state.process_index :: state.num_processes]]
    if is_done is not None:
        mine = [batch for batch in mine if not is_done[batch].all()]
    if state.num_processes > 1:
        mine += [[]] * (-(-len(batches) // state.num_processes) - len(mine))
    bar = progress_bar(
        total=sum(len(encoded[gene]) for batch in mine for gene in batch),
        desc=description,
        unit="bases",
        unit_scale=True,
        leave=False,
        disable=description is None or not state.is_main_process,
    )
    model.eval()
    try:
        with bar, exact_recurrence():
            for batch in mine:
                genes = [np.concatenate([[BOS_ID], encoded[gene]]) for gene in batch] or [np.array([BOS_ID])]
                tokens = pad_right(genes, INPUT_FILLER)[:, :most]
                yield batch, torch.from_numpy(tokens).to(device)
                bar.update(sum(len(encoded[gene]) for gene in batch))
    finally:
        model.train(training)


def sum_over_processes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return together what every process found for its own genes and left zero for others; the sum is exact."""
    state = this_process()
    if state.num_processes == 1:
        return values
    total: npt.NDArray[np.float64] = reduce(torch.from_numpy(values).to(state.device), "sum").cpu().numpy()
    return total
