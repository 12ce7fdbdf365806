"""The training genes as token ids, and the order in which a run sees them."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from genelm.tokenization import BASE_IDS, BOS_ID, EOS_ID, INPUT_FILLER, UNK_ID, encode, epoch_batches, pad_right

from .options import TrainingConfig

IGNORED = -100
"""Target that is not counted."""


@dataclass
class TrainingGenes:
    """Genes as token ids, `[BOS]` first and `[EOS]` last where it is learned.

    Attributes:
        tokens: ids of each gene, `[length]`.
        lengths: tokens of each gene, `[n_genes]`.
        num_bases: A, C, G, T of each gene, `[n_genes]`.
        num_targets: tokens of each gene that are predicted: its bases, and `[EOS]` where it is learned, `[n_genes]`.
    """

    tokens: list[npt.NDArray[np.uint8]]
    lengths: npt.NDArray[np.int64]
    num_bases: npt.NDArray[np.int64]
    num_targets: npt.NDArray[np.int64]

    @classmethod
    def encode(cls, sequences: list[str], append_eos: bool) -> "TrainingGenes":
        """Turn letters into ids."""
        end = [EOS_ID] if append_eos else []
        tokens = [np.concatenate([[BOS_ID], encode(letters), end]).astype(np.uint8) for letters in sequences]
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        num_bases = np.array([np.count_nonzero(ids >= BASE_IDS[0]) for ids in tokens], dtype=np.int64)
        return cls(tokens, lengths, num_bases, num_bases + len(end))

    def slice(self, genes: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and targets of some genes, each `[len(genes), longest - 1]`; targets not counted are -100."""
        inputs = pad_right([self.tokens[gene][:-1] for gene in genes], INPUT_FILLER)
        targets = pad_right([self.tokens[gene][1:] for gene in genes], IGNORED)
        targets[targets == UNK_ID] = IGNORED
        return torch.from_numpy(inputs), torch.from_numpy(targets)


def planned_batches(genes: TrainingGenes, config: TrainingConfig) -> Iterator[tuple[int, npt.NDArray[np.int64], bool]]:
    """Give every global batch of the run: its epoch, its genes, and whether it is the last of the epoch."""
    steps = 0
    for epoch in range(config.num_train_epochs if config.max_steps <= 0 else sys.maxsize):
        batches = epoch_batches(
            genes.lengths - 1, config.train_batch_positions, config.train_batch_genes, config.seed, epoch
        )
        for index, batch in enumerate(batches):
            yield epoch, batch, index == len(batches) - 1
            steps += 1
            if steps == config.max_steps:
                return
