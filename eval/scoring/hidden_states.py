"""What a network makes of a gene inside: the mean of its hidden states."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from genelm.storage import InputError
from genelm.tokenization import BOS_ID, UNK_ID, encode

from .batches import gene_batches, sum_over_processes, this_process
from .score_cache import ScoreCache
from .scorer import MAX_POSITIONS, FloatArray, check_lengths

_KIND = "mean hidden states"
"""Under which the means of a gene are kept."""


@torch.no_grad()
def mean_hidden_states(
    model: PreTrainedModel,
    sequences: Sequence[str],
    *,
    max_positions: int = MAX_POSITIONS,
    description: str | None = None,
    cache: ScoreCache | None = None,
) -> FloatArray | None:
    """Return the average of the hidden states of the last layer over the bases of each gene.

    The state at a base has seen the gene up to and with that base. Like scores, the means do not depend on the batch,
    and under several processes each reads its share and every one gets all of them.

    Args:
        model: a causal language model over the vocabulary of `genelm.tokenization`; it is run where it is.
        sequences: genes as letters.
        max_positions: positions of a batch, padding included.
        description: label of the progress bar; no bar where it is None.
        cache: where means are kept as they are made, and looked up first; of one process only.

    Returns:
        Means over the A, C, G, T positions, float64, shape `[n_genes, width]`; zeros for a gene without a base. None
        for a model that is nothing but its head and has no hidden states, such as an n-gram.

    Raises:
        InputError: a gene is longer than the model has positions for, or a hidden state is not finite.
    """
    body = model.base_model  # the model without its head; an n-gram is its own
    if body is model:
        return None
    encoded = [encode(sequence) for sequence in sequences]
    check_lengths(model, [len(ids) for ids in encoded])
    beginning = torch.tensor([[BOS_ID]], device=model.device)
    width = body(input_ids=beginning).last_hidden_state.shape[-1]
    cache = cache if this_process().num_processes == 1 else None
    means = np.zeros((len(encoded), width)) if cache is None else cache.read_rows(_KIND, encoded, width)
    is_done = np.zeros(len(encoded), dtype=bool) if cache is None else ~np.isnan(means[:, 0])
    means[~is_done] = 0.0
    for batch, tokens in gene_batches(body, encoded, max_positions, description, is_done):
        states = body(input_ids=tokens, use_cache=False).last_hidden_state.cpu().double().numpy()
        for row, gene in enumerate(batch):
            ids = encoded[gene]
            if (ids != UNK_ID).any():
                means[gene] = states[row, 1 : len(ids) + 1][ids != UNK_ID].mean(axis=0)
            if cache is not None:
                cache.write_row(_KIND, ids, means[gene])
    means = sum_over_processes(means)
    if not np.isfinite(means).all():
        raise InputError(
            "the model gives hidden states that are no numbers; its weights are damaged or its training diverged."
        )
    return means
