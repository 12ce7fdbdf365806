"""The training genes as token ids in a memory-mapped file, and the order in which a run sees them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import numpy.typing as npt
import torch

from genelm.dataset_scripts import dataset_facts, read_column, read_manifest
from genelm.storage import atomic_file
from genelm.tokenization import (
    BASE_IDS,
    BOS_ID,
    EOS_ID,
    INPUT_FILLER,
    UNK_ID,
    encode_column,
    epoch_batches,
    padded_length,
)

from .options import TrainingConfig
from .packing import pack, to_device

IGNORED = -100
"""Target that is not counted."""


ROW_STEP = 64
"""Packed rows are as long as a multiple of this, so that few shapes come again and again (`padded_length`)."""


@dataclass(frozen=True)
class MicroBatch:
    """What one forward pass reads.

    Attributes:
        inputs: token ids, `[n_genes, longest]`, or `[1, n_tokens]` of a packed row.
        targets: the id that follows each, `IGNORED` where it is not counted; same shape.
        more: further arguments of the model.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    more: dict[str, Any]


@dataclass
class TrainingGenes:
    """Genes as token ids, `[BOS]` before them and `[EOS]` behind them where it is learned.

    Attributes:
        letters: ids of the letters of all genes, one gene after the other, memory-mapped.
        starts: where each gene begins in `letters`, and the end of the last, `[n_genes + 1]`.
        num_bases: A, C, G, T of each gene, `[n_genes]`.
        append_eos: whether `[EOS]` is learned.
        drawn: those that are trained on, in ascending order, `[n_drawn]`.
    """

    letters: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    num_bases: npt.NDArray[np.int64]
    append_eos: bool
    drawn: npt.NDArray[np.int64]

    @classmethod
    def open(cls, data: Path, append_eos: bool, fraction: float = 1.0, seed: int = 0) -> "TrainingGenes":
        """Open the train split of a dataset folder, encoded once for all runs into the cache of `datasets`.

        Processes of one machine share the memory of the file.

        Args:
            data: folder that `genelm data build` wrote.
            append_eos: whether `[EOS]` is learned.
            fraction: share of the genes to train on, as of `subsample_genes`.
            seed: as of `subsample_genes`.

        Raises:
            InputError: the folder is no dataset folder, or has no train split.
        """
        fingerprint = dataset_facts(read_manifest(data))["fingerprint"]
        folder = Path(datasets.config.HF_DATASETS_CACHE) / "genelm" / fingerprint
        letters, table = folder / "train.letters", folder / "train.genes.npy"
        if not _is_whole(letters, table):
            encode_genes(data, letters, table)
        lengths, num_bases = np.load(table)
        drawn = subsample_genes(len(lengths), fraction, seed)
        return cls(np.memmap(letters, mode="r", dtype=np.uint8), _starts(lengths), num_bases, append_eos, drawn)

    def size(self) -> dict[str, int]:
        """Return the number of genes that are trained on, and of their letters."""
        return {"genes": len(self.drawn), "bases": int(self.lengths[self.drawn].sum())}

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Letters of each gene, `[n_genes]`."""
        return np.diff(self.starts)

    @property
    def num_inputs(self) -> npt.NDArray[np.int64]:
        """Tokens of each gene that are read: `[BOS]` and all letters but, where no end is learned, the last."""
        return self.lengths + self.append_eos

    @property
    def num_targets(self) -> npt.NDArray[np.int64]:
        """Tokens of each gene that are predicted: its bases, and `[EOS]` where it is learned, `[n_genes]`."""
        return self.num_bases + self.append_eos

    def slice(
        self, genes: npt.NDArray[np.int64], device: torch.device, packed: bool, positions: int | None = None
    ) -> MicroBatch:
        """Return what one forward pass over some genes reads.

        Args:
            genes: which.
            device: where the tensors are to be.
            packed: whether as one packed row, or padded on the right.
            positions: most that the model has for a gene; None for any number. Padding does not go beyond.
        """
        lengths = self.num_inputs[genes]
        filler = -int(lengths.sum()) % ROW_STEP if packed and (positions is None or positions >= ROW_STEP) else 0
        width = padded_length(int(lengths.max()))
        if positions is not None:
            width = min(width, positions)
        shape = (1, int(lengths.sum()) + filler) if packed else (len(genes), width)
        inputs = np.full(shape, INPUT_FILLER, dtype=np.int64)
        targets = np.full(shape, IGNORED, dtype=np.int64)
        starts = np.cumsum(lengths) - lengths if packed else np.arange(len(genes)) * shape[1]
        for place, gene in zip(starts.tolist(), genes.tolist(), strict=True):
            letters = self.letters[self.starts[gene] : self.starts[gene + 1]]
            read = letters if self.append_eos else letters[:-1]
            inputs.flat[place] = BOS_ID
            inputs.flat[place + 1 : place + 1 + len(read)] = read
            targets.flat[place : place + len(letters)] = letters
            if self.append_eos:
                targets.flat[place + len(letters)] = EOS_ID
        targets[targets == UNK_ID] = IGNORED
        more = pack(np.append(lengths, filler) if filler else lengths, device) if packed else {}
        return MicroBatch(to_device(inputs, device), to_device(targets, device), more)

    def steps(self, config: TrainingConfig) -> int:
        """Return the number of global batches of a run."""
        return config.max_steps if config.max_steps > 0 else sum(1 for _ in self.batches(config))

    def batches(self, config: TrainingConfig) -> Iterator[tuple[int, npt.NDArray[np.int64], bool]]:
        """Yield every global batch of a run: its epoch, its genes, and whether it is the last of the epoch."""
        steps = 0
        for epoch in range(config.num_train_epochs if config.max_steps <= 0 else sys.maxsize):
            lengths = self.num_inputs[self.drawn]
            batches = epoch_batches(
                lengths, config.train_batch_positions, config.train_batch_genes, config.seed, epoch
            )
            for index, batch in enumerate(batches):
                yield epoch, self.drawn[batch], index == len(batches) - 1
                steps += 1
                if steps == config.max_steps:
                    return


class GeneNames(Sequence[str]):
    """The ids of the genes of a split, read when the first is asked for."""

    def __init__(self, data: Path, split: str) -> None:
        self._data, self._split = data, split
        self._names: list[str] | None = None

    def __getitem__(self, index: Any) -> Any:
        if self._names is None:
            self._names = [
                str(name) for part in read_column(self._data, self._split, "gene_id") for name in part.to_pylist()
            ]
        return self._names[index]

    def __len__(self) -> int:
        return len(self[:])


def subsample_genes(n_genes: int, fraction: float, seed: int) -> npt.NDArray[np.int64]:
    """Draw a share of the genes, at least one; a larger share has all of a smaller one.

    Args:
        n_genes: how many there are.
        fraction: above 0, up to 1.
        seed: the same gives the same.

    Returns:
        Their places among all, in ascending order.
    """
    size = max(1, round(fraction * n_genes))
    return np.sort(np.random.default_rng([seed, n_genes]).permutation(n_genes)[:size])


def encode_genes(data: Path, letters: Path, table: Path) -> None:
    """Write the train split of a dataset folder as ids.

    Args:
        data: folder that `genelm data build` wrote.
        letters: file to write: one byte for each letter of all genes.
        table: file to write, last: letters and bases of each gene, `[2, n_genes]`.
    """
    letters.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    with atomic_file(letters) as temporary, temporary.open("wb") as file:
        for part in read_column(data, "train", "sequence"):
            ids, lengths = encode_column(part)
            file.write(ids.tobytes())
            bases_before = np.concatenate([[0], np.cumsum(ids >= BASE_IDS[0])])
            rows.append(np.stack([lengths, np.diff(bases_before[_starts(lengths)])]))
    with atomic_file(table) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate(rows, axis=1))


def _is_whole(letters: Path, table: Path) -> bool:
    try:
        return bool(letters.stat().st_size == np.load(table)[0].sum())
    except (OSError, EOFError, ValueError):  # there is none, or it is damaged
        return False


def _starts(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)])
