"""Batches of genes of similar length, so that little of a batch is padding and no gene ever sees another."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .vocabulary import EOS_ID

BATCHES_PER_POOL, FEW_POOLS = 32, 3

INPUT_FILLER = EOS_ID
"""What fills up inputs on the right. A causal model cannot look there, so no attention mask is needed, which would
keep fast attention kernels away; for `[PAD]` without a mask transformers would warn."""


def length_batches(
    lengths: npt.NDArray[np.integer], max_positions: int, max_genes: int | None = None
) -> list[npt.NDArray[np.int64]]:
    """Group genes by length into batches of at most `max_positions` positions, padding included.

    Args:
        lengths: tokens of each gene, `[n_genes]`.
        max_positions: longest gene times number of genes a batch may have; a single gene may be longer.
        max_genes: genes a batch may have; no limit where it is None.

    Returns:
        Indices of the genes of each batch, longest batch first, so that what does not fit into memory fails at once.
        Each gene is in one batch.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    batches = []
    start = 0
    while start < len(order):
        size = max(1, max_positions // max(1, padded_length(int(lengths[order[start]]))))
        if max_genes is not None:
            size = min(size, max_genes)
        batches.append(order[start : start + size])
        start += size
    return batches


def epoch_batches(
    lengths: npt.NDArray[np.integer], max_positions: int, max_genes: int | None, seed: int, epoch: int
) -> list[npt.NDArray[np.int64]]:
    """Deal the genes of one epoch of training into batches; a pure function of its arguments.

    Genes are shuffled, cut into pools of about `BATCHES_PER_POOL` batches, grouped by length within each pool, and the
    batches shuffled again: nearly as random as single genes, with little padding. The last pool has what is left, and
    more padding if that is little; where pools are few, the others share it.

    Args:
        lengths: tokens of each gene, `[n_genes]`.
        max_positions: as in `length_batches`.
        max_genes: as in `length_batches`.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        Indices of the genes of each batch; each gene is in one batch.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(lengths))
    genes_per_batch = max_positions / float(np.mean(lengths))
    if max_genes is not None:
        genes_per_batch = min(genes_per_batch, max_genes)
    pool_size = max(1, round(BATCHES_PER_POOL * genes_per_batch))
    whole_pools = max(1, len(shuffled) // pool_size)
    if whole_pools < FEW_POOLS:
        pool_size = max(1, -(-len(shuffled) // whole_pools))
    batches = []
    for start in range(0, len(shuffled), pool_size):
        pool = shuffled[start : start + pool_size]
        batches += [pool[batch] for batch in length_batches(lengths[pool], max_positions, max_genes)]
    return [batches[index] for index in random.permutation(len(batches))]


def padded_length(longest: int) -> int:
    """Return how long a batch is whose longest sequence has so many tokens: up to 3 % longer.

    Few shapes then come again and again. On a CPU products of a new shape are compiled, which takes about as long as a
    training step.
    """
    step = 1 << max(0, longest.bit_length() - 6)
    return -(-longest // step) * step


def pad_right(sequences: Sequence[npt.NDArray[np.integer]], value: int) -> npt.NDArray[np.int64]:
    """Stack sequences into one array, `[len(sequences), padded_length]`, filled up on the right with `value`."""
    padded = np.full((len(sequences), padded_length(max(map(len, sequences), default=0))), value, dtype=np.int64)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded
