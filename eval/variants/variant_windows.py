"""The reference sequence around each variant, with either allele in it."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pysam

from genelm.dataset_scripts import open_indexed_fasta
from genelm.storage import InputError

from .variant_files import Variant

MOST_MISMATCHES = 0.01
"""Share of variants whose reference allele may differ from the reference sequence; more means the wrong file."""


@dataclass(frozen=True)
class Window:
    """A variant with the sequence around it.

    Attributes:
        variant: the variant; its contig is filled in.
        ref: the window with the reference allele.
        alt: the window with the alternative allele.
    """

    variant: Variant
    ref: str
    alt: str


def make_windows(
    variants: Iterator[Variant], reference: Path, *, window: int, dropped: Counter[str], longest: int | None = None
) -> list[Window]:
    """Return the sequence around each variant.

    Args:
        variants: as `read_variants` yields them.
        reference: FASTA of the sequences that they change, plain, gzip or bgz.
        window: bases of the reference around the middle of the variant; fewer at the end of a sequence.
        dropped: where variants that are dropped are counted: `reference_mismatch`, `no_such_sequence` (the contig,
            with and without `chr` before it, is not in the reference), `no_change`, `too_long` (an allele of more than
            half the window, or more inserted than the model reads).
        longest: bases that the model reads; None for any number.

    Returns:
        The windows, upper case, in the order of the variants.

    Raises:
        InputError: the reference lacks a position, more than 1 % of the variants are on sequences that it lacks or
            have reference alleles that are not what stands there, or there is no variant.
    """
    windows, mismatches, elsewhere, n_variants = [], [], [], 0
    with open_indexed_fasta(reference) as contigs:
        names = dict.fromkeys(contigs.references)
        for variant in variants:
            n_variants += 1
            contig = _find_contig(variant.contig, names)
            if contig is None:
                elsewhere.append(f"{variant.place} ({variant.contig or 'no name'})")
                continue
            located = replace(variant, contig=contig)
            _check_place(located, contigs, reference)
            start, end = located.position - 1, located.position - 1 + len(located.ref)
            there = contigs.fetch(located.contig, start, end).upper()
            if there != located.ref:
                mismatches.append(f"{located.place} ({located.ref}, there is {there})")
            elif located.ref == located.alt:
                dropped["no_change"] += 1
            elif max(len(located.ref), len(located.alt)) > window // 2:
                dropped["too_long"] += 1
            else:
                first = max(0, (start + end - window) // 2)
                before = contigs.fetch(located.contig, first, start).upper()
                after = contigs.fetch(located.contig, end, first + window).upper()
                both = before + located.ref + after, before + located.alt + after
                if longest is not None and max(map(len, both)) > longest:
                    dropped["too_long"] += 1
                else:
                    windows.append(Window(located, *both))
    if len(mismatches) > MOST_MISMATCHES * n_variants:
        raise InputError(
            f"{len(mismatches):,} of {n_variants:,} variants have a reference allele that is not what stands in "
            f"{reference}, first {mismatches[0]}; more than {MOST_MISMATCHES:.0%} are not dropped: give the "
            "reference and the positions that belong together, or take these variants out."
        )
    if len(elsewhere) > MOST_MISMATCHES * n_variants:
        some = ", ".join(list(names)[:5])
        raise InputError(
            f"{len(elsewhere):,} of {n_variants:,} variants are on sequences that {reference} does not have, first "
            f"{elsewhere[0]}; its sequences are {some}{', ...' if len(names) > 5 else ''}; give the "
            "reference that belongs to the variants, or name the column of the sequence with --column contig=NAME."
        )
    if elsewhere:
        dropped["no_such_sequence"] += len(elsewhere)
    if mismatches:
        dropped["reference_mismatch"] += len(mismatches)
    if not windows:
        raise InputError(
            "No variant is left to score; dropped: "
            f"{', '.join(f'{count:,} {reason}' for reason, count in sorted(dropped.items())) or 'none'}; give others."
        )
    return windows


def _find_contig(name: str, names: Collection[str]) -> str | None:
    """Return the name of a sequence, with or without `chr`; a variant that names none is on the only one there is."""
    if not name and len(names) == 1:
        return next(iter(names))
    return next((found for found in (name, f"chr{name}", name.removeprefix("chr")) if found in names), None)


def _check_place(variant: Variant, contigs: pysam.FastaFile, reference: Path) -> None:
    length = contigs.get_reference_length(variant.contig) or 0
    if variant.position < 1 or variant.position - 1 + max(1, len(variant.ref)) > length:
        raise InputError(
            f"{variant.place}, is at {variant.position:,} of {variant.contig}, which has {length:,} bases in "
            f"{reference}; give the reference and the counting of positions that belong to it."
        )
