"""Which genes stay: letters, lengths, exact duplicates; everything dropped is counted under a reason."""

import re
from collections import Counter
from collections.abc import Iterable

from genelm.storage import InputError
from genelm.tokenization import BASES, IUPAC_LETTERS

from .genes import Gene, SourceGene

Dropped = Counter[str]
"""Reason -> number of genes."""

_FOREIGN = re.compile(f"[^{IUPAC_LETTERS}{IUPAC_LETTERS.lower()}]")
_AMBIGUOUS = re.compile(f"[^{BASES}]")


def clean(genes: Iterable[SourceGene], min_length: int, max_length: int) -> tuple[list[SourceGene], Dropped]:
    """Write sequences in A, C, G, T and drop the genes that cannot be so written or have an unwanted length.

    Letters are upper-cased and U becomes T. A gene is dropped under the first of the reasons `empty`,
    `ambiguous_letters` (N and the other IUPAC codes for more than one base), `too_short`, `too_long`.

    Args:
        genes: as a source gives them.
        min_length: shortest gene kept, in bases.
        max_length: longest gene kept, in bases.

    Returns:
        The genes kept, in the order given, and how many were dropped why.

    Raises:
        InputError: a sequence holds a letter that is no IUPAC code for nucleotides.
    """
    kept: list[SourceGene] = []
    dropped: Dropped = Counter()
    for gene, place in genes:
        check_letters(gene, place)
        sequence = gene["sequence"].upper().replace("U", "T")
        reason = _reason_to_drop(sequence, min_length, max_length)
        if reason:
            dropped[reason] += 1
        else:
            cleaned: Gene = {**gene, "sequence": sequence}
            kept.append(SourceGene(cleaned, place))
    return kept, dropped


def check_letters(gene: Gene, place: str) -> None:
    """Refuse a gene that is not written in nucleotides.

    Args:
        gene: as a source gives it.
        place: file and row, for the error.

    Raises:
        InputError: its sequence holds a letter that is no IUPAC code for nucleotides.
    """
    foreign = _FOREIGN.search(gene["sequence"])
    if foreign:
        raise InputError(
            f"{place}: gene {gene['gene_id']} has {foreign.group()!r} at position {foreign.start() + 1} of its "
            f"sequence, which is none of the IUPAC letters {IUPAC_LETTERS}; correct or remove this gene."
        )


def _reason_to_drop(sequence: str, min_length: int, max_length: int) -> str | None:
    if not sequence:
        return "empty"
    if _AMBIGUOUS.search(sequence):
        return "ambiguous_letters"
    if len(sequence) < min_length:
        return "too_short"
    if len(sequence) > max_length:
        return "too_long"
    return None


def drop_duplicates(genes: Iterable[SourceGene]) -> tuple[list[SourceGene], Dropped]:
    """Keep the first of the genes with the same sequence; the others are dropped as `duplicate`."""
    seen: set[str] = set()
    kept: list[SourceGene] = []
    dropped: Dropped = Counter()
    for source_gene in genes:
        sequence = source_gene.gene["sequence"]
        if sequence in seen:
            dropped["duplicate"] += 1
        else:
            seen.add(sequence)
            kept.append(source_gene)
    return kept, dropped


def drop_copies_of(
    split: str, reference: Iterable[SourceGene], genes: Iterable[SourceGene]
) -> tuple[list[SourceGene], Dropped]:
    """Keep the genes whose sequence is not in `reference`; the others are dropped as `duplicate_of_<split>`.

    Args:
        split: the name of the split that `reference` is; it stays whole.
        reference: the genes that may not appear again.
        genes: the genes to be thinned.

    Returns:
        The genes kept, in the order given, and how many were dropped.
    """
    taken = {gene["sequence"] for gene, _ in reference}
    genes = list(genes)
    kept = [source_gene for source_gene in genes if source_gene.gene["sequence"] not in taken]
    copies = len(genes) - len(kept)
    return kept, Counter({f"duplicate_of_{split}": copies} if copies else {})


def check_gene_ids(genes: Iterable[SourceGene]) -> None:
    """Refuse two genes with one id: results name genes by it, and two assemblies of a gene would leak between splits.

    Args:
        genes: all genes of all splits, duplicates removed.

    Raises:
        InputError: two genes have the same id.
    """
    places: dict[str, str] = {}
    for gene, place in genes:
        if gene["gene_id"] in places:
            raise InputError(
                f"{place}: gene {gene['gene_id']} already stands at {places[gene['gene_id']]} with another sequence; "
                "keep one of the two or give them different ids."
            )
        places[gene["gene_id"]] = place
