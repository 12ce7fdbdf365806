"""Genes of a GFF3 or GTF file, as RefSeq, Ensembl and GENCODE write them: where each lies, and what it is called."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gffutils.exceptions import AttributeStringError
from gffutils.feature import Feature, feature_from_line
from tqdm import tqdm

from genelm.storage import InputError, open_bytes

from ..dropped import Dropped

FEATURE_KINDS = ("gene", "exon-spliced", "CDS")

Spans = tuple[tuple[int, int], ...]
"""Starts and ends, 1-based and inclusive, ascending."""

GENE_TYPES = {
    "protein_coding": "PROTEIN_CODING",
    "lncRNA": "ncRNA",
    "lincRNA": "ncRNA",
    "antisense": "ncRNA",
    "antisense_RNA": "ncRNA",
    "processed_transcript": "ncRNA",
    "sense_intronic": "ncRNA",
    "sense_overlapping": "ncRNA",
    "miRNA": "ncRNA",
    "ncRNA": "ncRNA",
    "piRNA": "ncRNA",
    "ribozyme": "ncRNA",
    "RNase_MRP_RNA": "ncRNA",
    "RNase_P_RNA": "ncRNA",
    "SRP_RNA": "ncRNA",
    "sRNA": "ncRNA",
    "telomerase_RNA": "ncRNA",
    "vault_RNA": "ncRNA",
    "vaultRNA": "ncRNA",
    "Y_RNA": "ncRNA",
    "misc_RNA": "miscRNA",
    "scaRNA": "snoRNA",  # NCBI has no word of its own for those of Cajal bodies
    "scRNA": "scRNA",
    "snoRNA": "snoRNA",
    "snRNA": "snRNA",
    "rRNA": "rRNA",
    "Mt_rRNA": "rRNA",
    "tRNA": "tRNA",
    "Mt_tRNA": "tRNA",
    "transposable_element": "TRANSPOSON",
    "biological_region": "BIOLOGICAL_REGION",
}
"""Biotypes of RefSeq, Ensembl and GENCODE in the words of NCBI's gene reports. Kinds of pseudogenes are PSEUDO; words
that are not here, such as gene segments of immunoglobulins, are OTHER."""

_EXONS = ("exon", "pseudogenic_exon")
_PARTS = (*_EXONS, "CDS", "stop_codon")
_SHORTEST_INTRON = 10
"""Bases between two coding spans; fewer are a slip of the ribosome."""

_NOT_READ = re.compile(r"UTR|Selenocysteine|start_codon|cDNA_match|^match|biological_region|^STS$")
_CHOSEN = (("MANE_Select", "MANE Select"), ("RefSeq Select",), ("Ensembl_canonical",))
"""Tags of the transcript that stands for its gene, the first the most wanted."""

# The dialects of gffutils. It would guess them line by line, and take GTF for GFF3 where a quoted value has a `=`.
_GFF3 = {
    "fmt": "gff3",
    "field separator": ";",
    "keyval separator": "=",
    "leading semicolon": False,
    "trailing semicolon": True,
    "semicolon in quotes": False,
    "quoted GFF2 values": False,
    "repeated keys": False,
}
_GTF = _GFF3 | {
    "fmt": "gtf",
    "field separator": "; ",
    "keyval separator": " ",
    "semicolon in quotes": True,
    "quoted GFF2 values": True,
    "repeated keys": True,
}
_IS_GTF = re.compile(r"\s*[^\s=;]+\s")
_GTF_SEPARATOR = re.compile(r"\";\s*")

_Key = tuple[str, str]
"""Contig and name: some tools write one name at several places of a genome."""


@dataclass
class GeneModel:
    """A gene of an annotation.

    Args:
        gene_id: NCBI's number where the file has it, else the file's own id.
        symbol: short name, or None.
        description: full name, or None.
        gene_type: in NCBI's words, or None.
        contig: name of the sequence it lies on.
        chromosome: name of the chromosome.
        strand: `+` or `-`.
        spans: what is read of it: the gene, or the exons or the coding parts of one transcript.
        assembly: name of the assembly, or None.
        is_circular: whether the contig is, so that a span may end past its end.
        place: file and line.
    """

    gene_id: str
    symbol: str | None
    description: str | None
    gene_type: str | None
    contig: str
    chromosome: str
    strand: str
    spans: Spans
    assembly: str | None
    is_circular: bool
    place: str


@dataclass
class _Transcript:
    """What is known of a transcript: its gene, how much it is wanted, its parts and their strands."""

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
        dropped: where genes left out are counted: `no_strand`; `in_several_parts`, which are spliced together from
            more than one place; and for `exon-spliced` and `CDS`: `gene_id_twice`; `no_cds`; `no_exons`, though there
            are introns between coding parts; `mixed_strands`; `parts_outside_gene`; `no_gene_line`, whose transcripts
            alone are in the file.

    Yields:
        Genes. With `gene` nothing is held in memory, else the exons of all genes are.

    Raises:
        InputError: a line is not of this format, or there is no gene.
    """
    reader = _Reader(path)
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
    # RefSeq's word for a gene whose transcripts are joined from several places (trans-splicing).
    return "in_several_parts" if "part" in line.attributes else None


def _spliced(reader: "_Reader", feature: str, dropped: Dropped) -> Iterator[GeneModel]:
    genes: dict[_Key, GeneModel | None] = {}
    transcripts: defaultdict[_Key, _Transcript] = defaultdict(_Transcript)
    for line in reader.lines():
        if _is_gene(line.featuretype):
            key = (line.seqid, _first(line, "ID") or _first(line, "gene_id") or reader.place)
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
            name = _first(line, "ID") or _first(line, "transcript_id")
            if name is not None:
                transcript = transcripts[line.seqid, name]
                transcript.gene, transcript.rank = _first(line, "Parent") or _first(line, "gene_id"), _rank(line)
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


def _is_gene(kind: str) -> bool:
    return kind in ("gene", "pseudogene") or kind.endswith("_gene")  # ncRNA_gene, protein_coding_gene


def _add_part(transcript: _Transcript, line: Feature) -> None:
    length, span = line.end - line.start + 1, (line.start, line.end)
    if line.featuretype in _EXONS:
        transcript.exon_bases += length
        transcript.exons.append(span)
    elif line.featuretype == "CDS":
        transcript.coding_bases += length
        transcript.coding[_first(line, "ID")].append(span)
    else:
        transcript.stop_codons.append(span)
    transcript.strands.add(line.strand)
    if transcript.gene is None and "Parent" not in line.attributes:  # GTF
        transcript.gene = _first(line, "gene_id")


def _rank(line: Feature) -> int:
    tags = set(line.attributes.get("tag", []))
    return next((rank for rank, names in enumerate(_CHOSEN) if tags.intersection(names)), len(_CHOSEN))


def _take_transcript(gene: GeneModel, transcripts: list[_Transcript], feature: str) -> str | None:
    """Return the gene the spans of the transcript that stands for it, or say why there is none."""
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
    """Sort spans, and join those that overlap."""
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


class _Reader:
    """The lines of an annotation, and what its header and its region lines say."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._assembly: str | None = None
        self._chromosomes: dict[str, str] = {}
        self._circular: set[str] = set()
        self.n_genes = 0

    @property
    def place(self) -> str:
        return f"{self._path}, line {self._number}"

    def lines(self, only_genes: bool = False) -> Iterator[Feature]:
        """Yield the lines of genes, or all that matter."""
        # Where genes are given one by one, their reader has a bar already.
        for text in tqdm(self._texts(), f"reading {self._path.name}", unit=" lines", delay=2, disable=only_genes):
            if text.startswith("#"):
                self._read_header(text)
                continue
            columns = text.split("\t")
            if len(columns) < 9:
                raise InputError(
                    f"{self.place} has {len(columns)} columns separated by tabs, not the 9 of GFF3 or GTF."
                )
            # Some exports have tabs for spaces in their descriptions; nothing but the attributes can follow column 8.
            columns = [*columns[:8], " ".join(columns[8:])]
            kind = columns[2]
            if kind == "region":
                self._read_region(self._parsed(columns))
            elif _is_gene(kind) or (not only_genes and not _NOT_READ.search(kind)):
                yield self._parsed(columns)

    def id_of(self, line: Feature) -> str | None:
        references = [*line.attributes.get("Dbxref", []), *line.attributes.get("db_xref", [])]
        number = next((name.removeprefix("GeneID:") for name in references if name.startswith("GeneID:")), None)
        own = _first(line, "gene_id") or (_first(line, "ID") or "").removeprefix("gene:").removeprefix("gene-")
        return number or own or None

    def gene(self, line: Feature) -> GeneModel:
        self.n_genes += 1
        gene_id = self.id_of(line)
        if gene_id is None:
            raise InputError(f"{self.place} is a gene without an id; give it an ID or gene_id.")
        words = [_first(line, name) for name in ("gene_biotype", "biotype", "gene_type")]
        if line.featuretype != "gene":
            words.append(line.featuretype.removesuffix("_gene"))
        return GeneModel(
            gene_id=gene_id,
            symbol=_first(line, "gene_name") or _first(line, "Name") or _first(line, "gene"),
            description=_first(line, "description"),
            gene_type=_ncbi_type(next((word for word in words if word), None)),
            contig=line.seqid,
            chromosome=self._chromosomes.get(line.seqid, line.seqid),
            strand=line.strand,
            spans=((line.start, line.end),),
            assembly=self._assembly,
            is_circular=line.seqid in self._circular,
            place=self.place,
        )

    def _texts(self) -> Iterator[str]:
        try:
            with open_bytes(self._path) as file:
                for self._number, line in enumerate(file, start=1):
                    text = line.decode().rstrip("\r\n")
                    if text.startswith("##FASTA"):
                        return
                    if text.strip():
                        yield text
        except UnicodeDecodeError as error:
            raise InputError(f"{self.place}, is not UTF-8 text; save it as UTF-8.") from error

    def _parsed(self, columns: list[str]) -> Feature:
        attributes = columns[8].strip()
        dialect = _GTF if _IS_GTF.match(attributes) else _GFF3
        if dialect is _GTF:
            attributes = _GTF_SEPARATOR.sub('"; ', attributes).rstrip()
        else:
            attributes = re.sub(r";\s+", ";", attributes)
        try:
            line = feature_from_line("\t".join([*columns[:8], attributes]), dialect=dialect)
        except (ValueError, IndexError, AttributeStringError) as error:
            raise InputError(f"{self.place} is not GFF3 or GTF ({error}); correct it.") from error
        if not (isinstance(line.start, int) and isinstance(line.end, int) and line.start <= line.end):
            raise InputError(
                f"{self.place} runs from {columns[3]} to {columns[4]}; start and end are whole numbers, "
                "the smaller first."
            )
        return line

    def _read_header(self, text: str) -> None:
        found = re.match(r"#!genome-build(-accession)?\s+(?:NCBI_Assembly:)?(\S+)", text)
        if found and (found.group(1) or self._assembly is None):
            self._assembly = found.group(2)

    def _read_region(self, line: Feature) -> None:
        kind, name = _first(line, "genome"), _first(line, "chromosome")
        if kind == "mitochondrion":
            self._chromosomes[line.seqid] = "MT"
        elif kind is not None and name not in (None, "Unknown", "Un"):  # also where a contig is not placed on it
            self._chromosomes[line.seqid] = name
        if _first(line, "Is_circular") == "true":
            self._circular.add(line.seqid)


def _ncbi_type(word: str | None) -> str | None:
    if word is None:
        return None
    if "pseudogene" in word:
        return "PSEUDO"
    return GENE_TYPES.get(word, "OTHER")


def _first(line: Feature, name: str) -> str | None:
    values = line.attributes.get(name)
    return values[0] if values else None
