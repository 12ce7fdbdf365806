"""Which genes contain an evaluation gene, or are contained in one: letter for letter, on either strand."""

from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from genelm.tokenization import reverse_complement

from .canonical_kmers import Kmers, canonical_kmers
from .familiarity import WORD_LENGTH


def contained(evaluation: Collection[str], others: Collection[str]) -> npt.NDArray[np.bool_]:
    """Return which of some genes contain, or are contained in, an evaluation gene on either strand.

    A gene of fewer than 24 bases is found in others by chance; such a one counts only where it equals another.

    Args:
        evaluation: genes that no model may learn from, upper case; they are held in memory.
        others: genes to be looked at, upper case; they are gone through twice.

    Returns:
        Whether each of `others` does, shape `[len(others)]`.
    """
    genes = list(evaluation)
    equal = {min(gene, reverse_complement(gene)) for gene in genes}
    found = np.array([min(gene, reverse_complement(gene)) in equal for gene in others], dtype=bool)
    starts = _first_kmers(genes)
    everywhere = _Index(canonical_kmers(genes, WORD_LENGTH))
    at_start = _Index((np.array([kmer], dtype=np.uint64), np.array([i])) for i, kmer in starts.items())
    first = 0
    for batch in _batches(others):
        _look_for_evaluation_genes(genes, batch, at_start, found[first : first + len(batch)])
        _look_in_evaluation_genes(genes, batch, everywhere, found[first : first + len(batch)])
        first += len(batch)
    return found


class _Index:
    """The genes that each k-mer is in."""

    def __init__(self, batches: Iterator[tuple[Kmers, npt.NDArray[np.int64]]]) -> None:
        parts = list(batches)
        kmers = np.concatenate([part[0] for part in parts]) if parts else np.array([], dtype=np.uint64)
        genes = np.concatenate([part[1] for part in parts]) if parts else np.array([], dtype=np.int64)
        order = np.argsort(kmers, kind="stable")
        self._kmers, self._genes = kmers[order], genes[order]

    def has(self, kmers: Kmers) -> npt.NDArray[np.bool_]:
        return np.isin(kmers, self._kmers)

    def genes_with(self, kmer: np.uint64) -> list[int]:
        low, high = np.searchsorted(self._kmers, kmer, "left"), np.searchsorted(self._kmers, kmer, "right")
        return sorted(set(self._genes[low:high].tolist()))


def _batches(sequences: Collection[str], size: int = 2000) -> Iterator[list[str]]:
    batch: list[str] = []
    for sequence in sequences:
        batch.append(sequence)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _first_kmers(genes: list[str]) -> dict[int, np.uint64]:
    """Return position of a gene -> its first k-mer that is of bases alone; genes without one are not in it."""
    first: dict[int, np.uint64] = {}
    for kmers, owners in canonical_kmers(genes, WORD_LENGTH):
        found, at = np.unique(owners, return_index=True)
        first.update(zip(found.tolist(), kmers[at], strict=True))
    return first


def _look_for_evaluation_genes(
    genes: list[str], batch: list[str], at_start: _Index, found: npt.NDArray[np.bool_]
) -> None:
    candidates: defaultdict[int, set[int]] = defaultdict(set)
    for kmers, owners in canonical_kmers(batch, WORD_LENGTH):
        hits = at_start.has(kmers)
        for kmer, other in set(zip(kmers[hits].tolist(), owners[hits].tolist(), strict=True)):
            candidates[other].update(at_start.genes_with(np.uint64(kmer)))
    for other, possible in candidates.items():
        found[other] |= any(_is_part(genes[i], batch[other]) for i in possible)


def _look_in_evaluation_genes(
    genes: list[str], batch: list[str], everywhere: _Index, found: npt.NDArray[np.bool_]
) -> None:
    starts = _first_kmers(batch)
    others = np.array(list(starts), dtype=np.int64)
    kmers = np.array(list(starts.values()), dtype=np.uint64)
    for other in others[everywhere.has(kmers)].tolist():
        found[other] |= any(_is_part(batch[other], genes[i]) for i in everywhere.genes_with(starts[other]))


def _is_part(part: str, whole: str) -> bool:
    return part in whole or reverse_complement(part) in whole
