"""The lines of a GFF3 or GTF file, as RefSeq, Ensembl and GENCODE write them: genes, and the parts of transcripts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gffutils.exceptions import AttributeStringError
from gffutils.feature import Feature, feature_from_line

from genelm.storage import InputError, open_bytes, progress_bar

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
"""Biotype of RefSeq, Ensembl or GENCODE -> gene type in the words of NCBI's gene reports. Kinds of pseudogenes are
PSEUDO; words that are not here, such as gene segments of immunoglobulins, are OTHER."""

_NOT_READ = re.compile(r"UTR|Selenocysteine|start_codon|cDNA_match|^match|biological_region|^STS$")
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


@dataclass
class GeneModel:
    """A gene of an annotation.

    Args:
        gene_id: NCBI's GeneID where the file has it, else the file's own id.
        symbol: short name, or None.
        description: full name, or None.
        gene_type: in NCBI's words, or None.
        contig: name of the sequence it lies on.
        chromosome: name of the chromosome.
        strand: `+` or `-`.
        spans: what is read of it: the gene, or the exons or the coding parts of one transcript.
        assembly: name of the assembly, or None.
        is_circular: whether the contig is, so that a span may end past its end.
        place: file and line, for messages.
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


class AnnotationReader:
    """The lines of an annotation, and what its header and its region lines say.

    Attributes:
        n_genes: genes that were read so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._assembly: str | None = None
        self._chromosomes: dict[str, str] = {}
        self._circular: set[str] = set()
        self.n_genes = 0

    @property
    def place(self) -> str:
        """File and number of the line that was read last, for messages."""
        return f"{self._path}, line {self._number}"

    def lines(self, only_genes: bool = False) -> Iterator[Feature]:
        """Yield the lines of genes, or with these the lines of transcripts and of their parts.

        Args:
            only_genes: whether to leave out all lines but those of genes.

        Raises:
            InputError: a line is not GFF3 or GTF, or not UTF-8, or the file is cut off or damaged.
        """
        # Where genes are given one by one, their reader has a bar already.
        for text in progress_bar(
            self._texts(), f"reading {self._path.name}", unit=" lines", delay=2, disable=only_genes
        ):
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
            elif is_gene(kind) or (not only_genes and not _NOT_READ.search(kind)):
                yield self._parsed(columns)

    def id_of(self, line: Feature) -> str | None:
        """Return the id of a gene: NCBI's GeneID where the line has it, else its own id, or None without either."""
        references = [*line.attributes.get("Dbxref", []), *line.attributes.get("db_xref", [])]
        number = next((name.removeprefix("GeneID:") for name in references if name.startswith("GeneID:")), None)
        own = first_value(line, "ID") or ""
        own = first_value(line, "gene_id") or own.removeprefix("gene:").removeprefix("gene-")
        return number or own or None

    def gene(self, line: Feature) -> GeneModel:
        """Return the gene of the line that was read last.

        Raises:
            InputError: the gene has no id.
        """
        self.n_genes += 1
        gene_id = self.id_of(line)
        if gene_id is None:
            raise InputError(f"{self.place} is a gene without an id; give it an ID or gene_id.")
        words = [first_value(line, name) for name in ("gene_biotype", "biotype", "gene_type")]
        if line.featuretype != "gene":
            words.append(line.featuretype.removesuffix("_gene"))
        return GeneModel(
            gene_id=gene_id,
            symbol=first_value(line, "gene_name") or first_value(line, "Name") or first_value(line, "gene"),
            description=first_value(line, "description"),
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
        kind, name = first_value(line, "genome"), first_value(line, "chromosome")
        if kind == "mitochondrion":
            self._chromosomes[line.seqid] = "MT"
        elif kind is not None and name not in (None, "Unknown", "Un"):  # also where a contig is not placed on it
            self._chromosomes[line.seqid] = name
        if first_value(line, "Is_circular") == "true":
            self._circular.add(line.seqid)


def _ncbi_type(word: str | None) -> str | None:
    if word is None:
        return None
    if "pseudogene" in word:
        return "PSEUDO"
    return GENE_TYPES.get(word, "OTHER")


def first_value(line: Feature, name: str) -> str | None:
    """Return the first value of an attribute, or None where the line does not have it."""
    values = line.attributes.get(name)
    return values[0] if values else None


def is_gene(kind: str) -> bool:
    """Return whether a type of feature (column 3) is one of genes."""
    return kind in ("gene", "pseudogene") or kind.endswith("_gene")  # ncRNA_gene, protein_coding_gene
