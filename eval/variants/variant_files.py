"""Variants from files: VCF, or a table with columns for the place and the alleles."""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pysam

from genelm.storage import InputError, open_text, seekable_file
from genelm.tokenization import BASES

FIELDS = ("contig", "position", "ref", "alt", "effect", "label")
"""What a column can be; in VCF the first four stand in the format, and the others are INFO fields."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One change of a reference sequence.

    Attributes:
        contig: name of the sequence; empty where the file has none and the reference has but one.
        position: of the first base of `ref`, from 1.
        ref: the bases there, upper case; empty for a pure insertion before `position`.
        alt: what stands there instead; empty for a pure deletion.
        effect: measured effect, NaN where none is given.
        label: its class, empty where none is given.
        place: file and line, for errors.
    """

    contig: str
    position: int
    ref: str
    alt: str
    effect: float
    label: str
    place: str


def read_variants(
    file: Path, *, columns: Mapping[str, str], zero_based: bool, dropped: Counter[str]
) -> Iterator[Variant]:
    """Yield the variants of a file in its order.

    Args:
        file: `.vcf` or `.bcf`, or a table with a header: `.csv` has commas, any other name tabs; all may be compressed
            with gzip or bgzip, whatever their names say.
        columns: of `FIELDS` -> name of the column or INFO field. Where a table has a column of a field's own name, it
            need not be given.
        zero_based: whether positions of a table count from 0; those of VCF count from 1.
        dropped: where alleles that are not A, C, G and T, and records without an alternative, are counted.

    Yields:
        One variant an alternative allele.

    Raises:
        InputError: the file cannot be read, or a row is no variant; names file and line.
    """
    if unknown := sorted(set(columns) - set(FIELDS)):
        raise InputError(f"There is no column {unknown[0]!r} of a variant; the columns are {', '.join(FIELDS)}.")
    if not file.is_file():
        raise InputError(f"{file} is not a file; give variants as VCF or as a table.")
    suffixes = [suffix for suffix in file.suffixes if suffix not in (".gz", ".bgz")]
    if suffixes and suffixes[-1] in (".vcf", ".bcf"):
        yield from _read_vcf(file, columns, dropped)
    else:
        yield from _read_table(file, columns, zero_based, "," if suffixes[-1:] == [".csv"] else "\t", dropped)


def _read_vcf(file: Path, columns: Mapping[str, str], dropped: Counter[str]) -> Iterator[Variant]:
    verbosity = pysam.set_verbosity(0)  # htslib warns of headers without contigs, which are not needed here
    try:
        with seekable_file(file) as plain, pysam.VariantFile(str(plain)) as records:
            for name in columns.values():
                if name not in records.header.info:
                    raise InputError(f"{file} has no INFO field {name}; it has {', '.join(records.header.info)}.")
            for number, record in enumerate(records, start=1):
                place = f"{file}, record {number}"
                if not record.alts:
                    dropped["no_alternative_allele"] += 1
                elif len(record.alts) > 1 and "effect" in columns and _is_of_record(record, columns["effect"]):
                    raise InputError(
                        f"{place}, has an effect for several alleles ({','.join(record.alts)}); give each a record "
                        "(bcftools norm -m -)."
                    )
                for allele, alt in enumerate(record.alts or ()):
                    effect, label = (
                        _info(record, columns[field], allele) if field in columns else ""
                        for field in ("effect", "label")
                    )
                    number_of_effect = _number(effect, place, columns.get("effect", ""))
                    found = Variant(record.chrom, record.pos, record.ref or "", alt, number_of_effect, label, place)
                    yield from _of_bases(found, dropped)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is not VCF that can be read ({error}); check it or convert it anew.") from error
    finally:
        pysam.set_verbosity(verbosity)


def _is_of_record(record: pysam.VariantRecord, name: str) -> bool:
    """Return whether a field has a value that is not one an alternative allele."""
    return name in record.info and record.header.info[name].number != "A"


def _info(record: pysam.VariantRecord, name: str, allele: int) -> str:
    """Return a field as text: of the alternative allele where the header says that each has its own."""
    value: Any = record.info.get(name)
    if isinstance(value, tuple):
        own = value[allele : allele + 1] if record.header.info[name].number == "A" else value
        return ",".join(str(part) for part in own if part is not None)
    return "" if value is None else str(value)


def _of_bases(variant: Variant, dropped: Counter[str]) -> Iterator[Variant]:
    """Yield the variant in upper case, or count one whose alleles are not A, C, G and T."""
    ref, alt = variant.ref.upper(), variant.alt.upper()
    if set(ref + alt) - set(BASES):
        dropped["allele_without_bases"] += 1
    else:
        yield replace(variant, ref=ref, alt=alt)


def _read_table(
    file: Path, columns: Mapping[str, str], zero_based: bool, delimiter: str, dropped: Counter[str]
) -> Iterator[Variant]:
    try:
        with open_text(file) as lines:
            # A quote in tab-separated text is a letter. In CSV, one that is never closed is an error.
            table = (
                csv.DictReader(lines, strict=True)
                if delimiter == ","
                else csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            )
            names = {field: columns.get(field, field) for field in FIELDS}
            found = table.fieldnames or []
            for field in FIELDS:
                if names[field] not in found and (field in columns or field in ("position", "ref", "alt")):
                    raise InputError(
                        f"{file} has no column {names[field]} ({field} of a variant), found: "
                        f"{', '.join(found) or 'none'}; name it with --column {field}=NAME."
                    )
            for row in table:
                place = f"{file}, line {table.line_num}"
                cells = {field: (row.get(name) or "").strip() for field, name in names.items()}
                if not cells["position"].isdecimal():
                    raise InputError(f"{place}, has the position {cells['position']!r}; a whole number is expected.")
                position = int(cells["position"]) + zero_based
                effect = _number(cells["effect"], place, names["effect"])
                ref = "" if cells["ref"] == "-" else cells["ref"]
                alternatives = cells["alt"].split(",")
                if not cells["ref"] or not all(alternatives):
                    raise InputError(f"{place}, has a blank allele; write bases, or - for none of them.")
                if len(alternatives) > 1 and not math.isnan(effect):
                    raise InputError(f"{place}, has an effect for several alleles ({cells['alt']}); give each a line.")
                for allele in alternatives:
                    if allele == ".":
                        dropped["no_alternative_allele"] += 1
                        continue
                    alt = "" if allele == "-" else allele
                    variant = Variant(cells["contig"], position, ref, alt, effect, cells["label"], place)
                    yield from _of_bases(variant, dropped)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file} is not a table that can be read ({error}); check it or get it again.") from error


def _number(text: str, place: str, name: str) -> float:
    if text in ("", ".", "NA", "nan", "NaN"):
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{place}, has {text!r} as {name}; a number is expected.") from None
