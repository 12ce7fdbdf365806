"""Every context of the training genes in sorted order: how often each base followed it, whatever its length.

The file stands alone: it travels to the Hub beside the model.

The training genes are one text of symbols, and the positions of the text are sorted by the symbols before them, the
nearest first. All positions after one context, of any length up to `DEPTH`, are then rows next to each other. Counts
of the symbols that follow, summed over the rows, give what followed a context as a difference of two lookups, and the
rows of the context that is one base longer as well (Ferragina and Manzini, Opportunistic data structures with
applications, FOCS 2000, read from right to left). So one structure holds the counts of all orders.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

BOUNDARY, UNKNOWN, FIRST_BASE, NUM_SYMBOLS = 0, 1, 2, 6
"""Symbols of the text: the beginning and end of a gene, anything that is no base, and 2 to 5 for A, C, G, T."""

SYMBOL_OF_TOKEN = (BOUNDARY, UNKNOWN, BOUNDARY, BOUNDARY, 2, 3, 4, 5)

DEPTH = 24
"""Symbols before a place by which it is sorted; base 6 numbers of 24 digits are the longest that fit into 64 bits."""

FIELDS = 9
"""What is counted over the rows: ends of genes, A, C, G, T on both strands, and A, C, G, T on the sense strand."""

BLOCK, PLANES, COLUMNS = 32, 4, 16
"""Rows of a block; bits that say of a row what it counts; and numbers of a block, with three unused: 64 bytes."""

MAX_SIZE = 2**31 - 1
"""Symbols of the text at most: rows and positions are numbers of 32 bits."""

_BLOCKS_AT_ONCE, _POSITIONS_AT_ONCE = 1 << 14, 1 << 16

_NEAREST = 6
"""Symbols by which positions are dealt out: as many as a number of 16 bits holds."""

_ALL_ROWS = (1 << BLOCK) - 1


class ContextIndex(nn.Module):
    """The sorted contexts of some genes.

    All is integers in buffers, 7 bytes a symbol; a gene has a symbol a base and one for its end, twice where both
    strands are counted.

    Attributes:
        text: the genes between boundaries, and their reverse complements between unknowns; uint8, `[size]`.
        places: positions of the text sorted by what stands before them; int32, `[size]`.
        first_rows: the row at which the contexts that end in each symbol begin; int64, `[NUM_SYMBOLS + 1]`.
        blocks: for every 32 rows what all rows before them count, `FIELDS` numbers, and `PLANES` numbers with a bit a
            row, the first row lowest: low and high bit of the base, whether it is one, and whether it is on the sense
            strand or, for what is no base, the end of a gene; int32, `[size // BLOCK + 1, COLUMNS]`.
    """

    text: torch.Tensor
    places: torch.Tensor
    first_rows: torch.Tensor
    blocks: torch.Tensor

    def __init__(self, size: int) -> None:
        """Make room for a text of so many symbols; 0 before there is one."""
        super().__init__()
        for name, shape, dtype in (
            ("text", (size,), torch.uint8),
            ("places", (size,), torch.int32),
            ("first_rows", (NUM_SYMBOLS + 1,), torch.int64),
            ("blocks", (size // BLOCK + 1, COLUMNS), torch.int32),
        ):
            self.register_buffer(name, torch.zeros(shape, dtype=dtype))
        self._is_sound = False

    @property
    def size(self) -> int:
        """Symbols of the text."""
        return len(self.text)

    def build(self, genes: Iterable[npt.NDArray[np.uint8]], both_strands: bool) -> None:
        """Replace the index by that of some genes.

        On as many threads as torch uses. It takes some 30 bytes a symbol while it runs.

        Args:
            genes: symbols of each, without boundaries.
            both_strands: whether to count the reverse complement of each as well, as bases alone: it neither begins
                nor ends where a gene does.

        Raises:
            OverflowError: the text would have more than `MAX_SIZE` symbols.
        """
        sense = [np.array([BOUNDARY], dtype=np.uint8)]
        for gene in genes:
            sense += [gene, sense[0]]
        sense_text = np.concatenate(sense)
        other_strand = reverse_complement(sense_text) if both_strands else sense_text[:0]
        size = len(sense_text) + len(other_strand)
        if size > MAX_SIZE:
            raise OverflowError(
                f"the genes have {size:,} symbols with {'both strands' if both_strands else 'their boundaries'}; an "
                f"index holds at most {MAX_SIZE:,}"
            )
        text = np.concatenate([sense_text, other_strand])
        places = _sorted_positions(text)
        following = text[places]
        is_end = (following == BOUNDARY) & (places > 0)  # the first boundary ends no gene
        is_base = following >= FIRST_BASE
        is_sense = is_base & (places < len(sense_text))
        base = following - FIRST_BASE
        blocks = torch.zeros(size // BLOCK + 1, COLUMNS, dtype=torch.int32)
        for plane, rows in enumerate([is_base & (base & 1 > 0), is_base & (base & 2 > 0), is_base, is_sense | is_end]):
            bits = np.packbits(np.pad(rows, (0, len(blocks) * BLOCK - size)), bitorder="little")
            blocks[:, FIELDS + plane] = torch.from_numpy(bits.view("<i4"))
        for some, totals in _totals(blocks):
            some[:, :FIELDS] = totals[:-1]
        first_rows = np.append(0, np.cumsum(np.bincount(text, minlength=NUM_SYMBOLS))).astype(np.int64)
        self.text, self.places = torch.from_numpy(text), torch.from_numpy(places)
        self.first_rows, self.blocks = torch.from_numpy(first_rows), blocks

    def check(self) -> None:
        """Make sure, once, that no scan is led out of the index: what comes from a file may be anything.

        Raises:
            ValueError: the tensors do not fit each other.
        """
        if self._is_sound or not self.size:
            return
        if not (self._has_positions() and self._has_counts()):
            raise ValueError("the model's index of training genes is damaged; get the model anew")
        self._is_sound = True

    def _has_positions(self) -> bool:
        """Return whether all positions are in the text, also those reached by going on from base to base."""
        first, last = self.places.aminmax()
        return bool(first >= 0) and bool(last < self.size) and bool(self.text[-1] < FIRST_BASE)

    def _has_counts(self) -> bool:
        """Return whether the rows, and the blocks from each to the next, count what stands in the text."""
        symbols = self.text.bincount(minlength=NUM_SYMBOLS)
        if len(symbols) > NUM_SYMBOLS or (self.first_rows.diff() != symbols).any() or self.first_rows[0] != 0:
            return False
        for some, totals in _totals(self.blocks):
            if (some[:, :FIELDS] != totals[:-1]).any():
                return False
        followers = torch.cat([symbols[:1] - 1, symbols[FIRST_BASE:]])  # the first boundary ends no gene
        return bool((totals[-1, : len(followers)] == followers).all())

    def genes(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the symbols of the genes that were counted, in their order."""
        self.check()
        text = self.text.cpu().numpy()
        boundaries = np.flatnonzero(text == BOUNDARY)
        for start, end in pairwise(boundaries):
            yield text[start + 1 : end]

    def counts_before(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what all rows before some count, `[..., FIELDS]`; rows are `[...]`, from 0 to `size`."""
        block = self.blocks[rows // BLOCK].long()
        mask = (1 << (rows % BLOCK)) - 1
        return block[..., :FIELDS] + count_bits(_counted_rows(block) & mask.unsqueeze(-1))


def _sorted_positions(text: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Sort the positions of a text by the `DEPTH` symbols before each, equal ones by position.

    They are dealt out by the nearest symbols first, which takes time in proportion to their number; what then lies
    together is sorted a part at a time, each small enough for the cache of a processor, by several threads.
    """
    size = len(text)
    around = np.concatenate([text[np.arange(-DEPTH, 0) % size], text])  # the end of the text stands before it
    keys, nearest = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.uint16)
    places = np.empty(size, dtype=np.int32)

    def write_keys(first: int) -> None:
        last = min(first + _POSITIONS_AT_ONCE, size)
        key = keys[first:last]
        key.fill(0)
        for distance in range(1, DEPTH + 1):
            key *= NUM_SYMBOLS
            key += around[DEPTH - distance :][first:last]
            if distance == _NEAREST:
                nearest[first:last] = key

    def sort(first: int, last: int) -> None:
        part = dealt[first:last]
        places[first:last] = part[np.argsort(keys[part], kind="stable")]

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(write_keys, range(0, size, _POSITIONS_AT_ONCE)))
        dealt = np.argsort(nearest, kind="stable")  # of numbers of 16 bits, by their digits
        ends = np.cumsum(np.bincount(nearest))
        wanted = ends[np.searchsorted(ends, np.arange(_POSITIONS_AT_ONCE, size, _POSITIONS_AT_ONCE))]
        cuts = np.unique([0, *wanted, size]).tolist()
        list(pool.map(sort, cuts[:-1], cuts[1:]))
    return places


def _totals(blocks: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the blocks some at a time, and what the rows before each of them and before the next one count."""
    totals = blocks.new_zeros(1, FIELDS, dtype=torch.int64)
    for some in blocks.split(_BLOCKS_AT_ONCE):
        totals = torch.cat([totals[-1:], totals[-1:] + count_bits(_counted_rows(some.long()) & _ALL_ROWS).cumsum(0)])
        yield some, totals


def _counted_rows(block: torch.Tensor) -> torch.Tensor:
    """Return the rows of blocks that each field counts, a bit a row, `[..., FIELDS]`; blocks are int64."""
    low, high, is_base, is_sense = block[..., FIELDS : FIELDS + PLANES].unbind(-1)
    bases = [is_base & (low ^ -(1 - (b & 1))) & (high ^ -(1 - (b >> 1))) for b in range(4)]
    return torch.stack([is_sense & ~is_base, *bases, *(is_sense & base for base in bases)], dim=-1)


def count_bits(numbers: torch.Tensor) -> torch.Tensor:
    """Count the bits of numbers of 32 bits that are held in 64."""
    numbers = numbers - ((numbers >> 1) & 0x55555555)
    numbers = (numbers & 0x33333333) + ((numbers >> 2) & 0x33333333)
    numbers = (numbers + (numbers >> 4)) & 0x0F0F0F0F
    return ((numbers * 0x01010101) & 0xFFFFFFFF) >> 24


def reverse_complement(symbols: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the other strand; whatever is no base, boundaries too, becomes unknown."""
    complements = np.array([UNKNOWN, UNKNOWN, 5, 4, 3, 2], dtype=np.uint8)
    return complements[symbols[::-1]]
