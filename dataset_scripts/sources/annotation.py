"""Genes of a GFF3 or GTF file: where each lies, and what of it is read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gffutils.feature import Feature

from genelm.storage import InputError

from ..genes import Dropped
from .annotation_lines import AnnotationReader, GeneModel, Spans, first_value, is_gene

FEATURE_KINDS = ("gene", "exon-spliced", "CDS")

_EXONS = ("exon", "pseudogenic_exon")
_PARTS = (*_EXONS, "CDS", "stop_codon")
_SHORTEST_INTRON = 10
"""Bases between two coding spans; fewer are a slip of the ribosome."""

_CHOSEN = (("MANE_Select", "MANE Select"), ("RefSeq Select",), ("Ensembl_canonical",))
"""Tags of the transcript that stands for its gene, the first in this list before the others."""

_Key = tuple[str, str]
"""Contig and name: some tools write one name at several positions of a genome."""


@dataclass
class _Transcript:
    """What is known of a transcript: its gene, the rank of its tag in `_CHOSEN`, its parts and their strands."""

    gene: str | None = None
    rank: int = len(_CHOSEN)
    exons: list[tuple[int, int]] = field(default_factory=list)
    coding: defaultdict[str | None, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    stop_codons: list[tuple[int, int]] = field(default_factory=list)
    strands: set[str] = field(default_factory=set)
    coding_bases: int = 0
    exon_bases: int = 0


def read_gene_models(path: Path, feature: str, dropped: Dropped) -> Iterator[GeneModel]:
    """Read the genes of an annotation in the order of the file.

    For `exon-spliced` and `CDS` one transcript stands for a gene: the one tagged MANE Select, RefSeq Select or Ensembl
    canonical, else the one with most coding bases, then most bases of exons, then the first. A gene without exon lines
    is one exon, unless its coding parts show introns. The stop codon, which GTF does not count to the CDS, is part of
    it here; bases that a ribosome reads twice, where it slips back, are twice in it.

    Args:
        path: GFF3 or GTF, plain or compressed with gzip.
        feature: of `FEATURE_KINDS`.
        dropped: where genes that are dropped are counted: `no_strand`; `in_several_parts`, which are spliced together
            from more than one position; and for `exon-spliced` and `CDS`: `gene_id_twice`; `no_cds`; `no_exons`,
            though there are introns between coding parts; `mixed_strands`; `parts_outside_gene`; `no_gene_line`,
            whose transcripts alone are in the file.

    Yields:
        Genes. With `gene` nothing is held in memory, else the exons of all genes are.

    Raises:
        InputError: a line is not of this format, or there is no gene.
    """
    reader = AnnotationReader(path)
    if feature == "gene":
        for line in reader.lines(only_genes=True):
            reason = _reason_to_drop(line)
            if reason:
                dropped.drop(reason, reader.id_of(line) or reader.place)
            else:
                yield reader.gene(line)
    else:
        yield from _spliced(reader, feature, dropped)
    if not reader.n_genes and not dropped.total():
        raise InputError(f"{path} holds no gene: none of its lines is a gene or pseudogene; give GFF3 or GTF.")


def _reason_to_drop(line: Feature) -> str | None:
    if line.strand not in ("+", "-"):
        return "no_strand"
    # RefSeq's word for a gene whose transcripts are joined from several positions (trans-splicing).
    return "in_several_parts" if "part" in line.attributes else None


def _spliced(reader: AnnotationReader, feature: str, dropped: Dropped) -> Iterator[GeneModel]:
    genes: dict[_Key, GeneModel | None] = {}
    transcripts: defaultdict[_Key, _Transcript] = defaultdict(_Transcript)
    for line in reader.lines():
        if is_gene(line.featuretype):
            key = (line.seqid, first_value(line, "ID") or first_value(line, "gene_id") or reader.place)
            reason = _reason_to_drop(line) or ("gene_id_twice" if key in genes else None)
            if reason:
                dropped.drop(reason, reader.id_of(line) or reader.place)
                genes.setdefault(key, None)
            else:
                genes[key] = reader.gene(line)
        elif line.featuretype in _PARTS:
            for parent in line.attributes.get("Parent") or line.attributes.get("transcript_id") or []:
                _add_part(transcripts[line.seqid, parent], line)
        else:
            name = first_value(line, "ID") or first_value(line, "transcript_id")
            if name is not None:
                transcript = transcripts[line.seqid, name]
                transcript.gene = first_value(line, "Parent") or first_value(line, "gene_id")
                transcript.rank = _rank(line)
    of_gene: defaultdict[_Key, list[_Transcript]] = defaultdict(list)
    for (contig, name), transcript in transcripts.items():
        of_gene[contig, transcript.gene or name].append(transcript)  # parts that hang from the gene are a transcript
    for key, gene in genes.items():
        if gene is None:
            continue
        reason = _take_transcript(gene, of_gene.get(key, []), feature)
        if reason:
            dropped.drop(reason, gene.gene_id)
        else:
            yield gene
    for key, found in of_gene.items():
        # What hangs from another transcript, as a miRNA from its primary transcript, is part of a gene with a line.
        hangs_from_transcript = key in transcripts and transcripts[key].gene is not None
        if key not in genes and not hangs_from_transcript and any(transcript.strands for transcript in found):
            dropped.drop("no_gene_line", key[1])


def _add_part(transcript: _Transcript, line: Feature) -> None:
    length, span = line.end - line.start + 1, (line.start, line.end)
    if line.featuretype in _EXONS:
        transcript.exon_bases += length
        transcript.exons.append(span)
    elif line.featuretype == "CDS":
        transcript.coding_bases += length
        transcript.coding[first_value(line, "ID")].append(span)
    else:
        transcript.stop_codons.append(span)
    transcript.strands.add(line.strand)
    if transcript.gene is None and "Parent" not in line.attributes:  # GTF
        transcript.gene = first_value(line, "gene_id")


def _rank(line: Feature) -> int:
    tags = set(line.attributes.get("tag", []))
    return next((rank for rank, names in enumerate(_CHOSEN) if tags.intersection(names)), len(_CHOSEN))


def _take_transcript(gene: GeneModel, transcripts: list[_Transcript], feature: str) -> str | None:
    """Set the spans of a gene to those of the transcript that stands for it, or return why there is none."""
    usable = [
        transcript for transcript in transcripts if (transcript.coding if feature == "CDS" else transcript.exons)
    ]
    if not usable:
        if feature == "CDS":
            return "no_cds"
        return "no_exons" if any(map(_has_intron, transcripts)) else None
    best = min(usable, key=lambda transcript: (transcript.rank, -transcript.coding_bases, -transcript.exon_bases))
    if best.strands != {gene.strand}:
        return "mixed_strands"
    spans = _coding_spans(best) if feature == "CDS" else _joined(best.exons)
    if spans[0][0] < gene.spans[0][0] or max(end for _, end in spans) > gene.spans[0][1]:
        return "parts_outside_gene"
    gene.spans = spans
    return None


def _has_intron(transcript: _Transcript) -> bool:
    spans = _coding_spans(transcript) if transcript.coding else ()
    return any(later[0] - earlier[1] > _SHORTEST_INTRON for earlier, later in pairwise(spans))


def _joined(spans: list[tuple[int, int]]) -> Spans:
    """Return spans in ascending order, those that overlap joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _coding_spans(transcript: _Transcript) -> Spans:
    """Return the spans of the transcript's coding sequence, or of the longest where it has several.

    Lines of one ID are one coding sequence. Where every line has an ID of its own, only an overlap tells that they
    are several: within one coding sequence, bases in two spans are read twice (ribosomal slippage).
    """
    every = sorted({span for spans in transcript.coding.values() for span in spans})
    if len(transcript.coding) > 1 and any(later[0] <= earlier[1] for earlier, later in pairwise(every)):
        every = sorted(set(max(transcript.coding.values(), key=_bases)))
    stop_codons = {
        stop for stop in transcript.stop_codons if not any(start <= stop[0] and stop[1] <= end for start, end in every)
    }
    return tuple(sorted([*every, *stop_codons]))


def _bases(spans: Iterable[tuple[int, int]]) -> int:
    return sum(end - start + 1 for start, end in spans)
