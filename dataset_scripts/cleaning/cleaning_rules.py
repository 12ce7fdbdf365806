"""What of a gene is kept, by its letters and its length, and how it is cut; what is dropped is counted by reason."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from genelm.storage import InputError
from genelm.tokenization import BASES, IUPAC_LETTERS

from ..genes import Dropped, Gene, SourceGene

AMBIGUOUS_POLICIES = ("drop", "split", "keep")

_FOREIGN = re.compile(f"[^{IUPAC_LETTERS}{IUPAC_LETTERS.lower()}]")
_AMBIGUOUS = re.compile(f"[^{BASES}]")
_BASE_RUN = re.compile(f"[{BASES}]+")


@dataclass(frozen=True)
class CleaningRules:
    """What is kept of a gene.

    Args:
        ambiguous: what to do with N and the other IUPAC codes for more than one base: `drop` the gene, `split` it
            there into pieces without them, or `keep` it as it is.
        min_length: shortest gene, piece or window kept, in bases.
        max_length: longest gene kept, in bases and before it is cut into pieces or windows; None is no limit.
        window: genes and pieces longer than this many bases are cut into windows; None cuts nothing.
        stride: bases from the start of one window to the start of the next.
    """

    ambiguous: str = "drop"
    min_length: int = 1
    max_length: int | None = None
    window: int | None = None
    stride: int | None = None


class CleanGene(NamedTuple):
    """A gene, or a piece of one, and the id of the gene it came from: pieces of one gene belong into one split."""

    gene: Gene
    parent: str


def clean(genes: Iterable[SourceGene], rules: CleaningRules, dropped: Dropped) -> Iterator[CleanGene]:
    """Yield genes and pieces that the rules allow, in upper case and with T for U.

    A gene is dropped under the first of the reasons `empty`, `too_long`, `ambiguous_letters` (by the policy `drop`),
    `no_bases` (nothing but ambiguous letters), `too_short`; under the last, pieces are counted as well. A piece is
    named after its gene and its positions in it, 1-based and inclusive: `GENE:1001-2000`.

    Args:
        genes: the genes of a source, letters in either case.
        rules: what is kept.
        dropped: where genes and pieces that are dropped are counted and named.

    Yields:
        The genes and pieces kept, in the order given.

    Raises:
        InputError: a sequence holds a letter that is no IUPAC code for nucleotides.
    """
    for gene, place in genes:
        check_letters(gene, place)
        sequence = gene["sequence"].upper().replace("U", "T")
        reason = _reason_to_drop(sequence, rules)
        if reason:
            dropped.drop(reason, gene["gene_id"])
            continue
        for start, end in _spans(sequence, rules):
            piece = _piece(gene, sequence, start, end)
            if end - start < rules.min_length:
                dropped.drop("too_short", piece["gene_id"])
            else:
                yield CleanGene(piece, gene["gene_id"])


def check_letters(gene: Gene, place: str) -> None:
    """Refuse a gene that is not written in nucleotides.

    Args:
        gene: a gene of a source, letters in either case.
        place: file and row it was read from, for the error.

    Raises:
        InputError: its sequence holds a letter that is no IUPAC code for nucleotides.
    """
    foreign = _FOREIGN.search(gene["sequence"])
    if foreign:
        raise InputError(
            f"{place}: gene {gene['gene_id']} has {foreign.group()!r} at position {foreign.start() + 1} of its "
            f"sequence, which is none of the IUPAC letters {IUPAC_LETTERS}; correct or remove this gene."
        )


def _reason_to_drop(sequence: str, rules: CleaningRules) -> str | None:
    if not sequence:
        return "empty"
    if rules.max_length is not None and len(sequence) > rules.max_length:
        return "too_long"
    if rules.ambiguous == "drop":
        return "ambiguous_letters" if _AMBIGUOUS.search(sequence) else None
    return None if _BASE_RUN.search(sequence) else "no_bases"


def _spans(sequence: str, rules: CleaningRules) -> Iterator[tuple[int, int]]:
    """Yield start and end, 0-based and half open, of everything a sequence is cut into."""
    pieces = [(0, len(sequence))]
    if rules.ambiguous == "split":
        pieces = [run.span() for run in _BASE_RUN.finditer(sequence)]
    for start, end in pieces:
        if rules.window is None or rules.stride is None or end - start <= rules.window:
            yield start, end
            continue
        # The last window is the first one to reach the end; it may be shorter than the others.
        for first in range(start, end - rules.window + rules.stride, rules.stride):
            yield first, min(first + rules.window, end)


def _piece(gene: Gene, sequence: str, start: int, end: int) -> Gene:
    piece: Gene = {**gene, "sequence": sequence[start:end], "length": end - start}
    if end - start == len(sequence):
        return piece
    piece["gene_id"] = f"{gene['gene_id']}:{start + 1}-{end}"
    first, last = gene["start"], gene["end"]
    # Where exons were joined, a piece may be several spans of the chromosome: it keeps start and end of the gene.
    if first is not None and last is not None and last - first + 1 == len(sequence):
        if gene["strand"] == "-":
            piece["start"], piece["end"] = last - end + 1, last - start
        else:
            piece["start"], piece["end"] = first + start, first + end - 1
    return piece
