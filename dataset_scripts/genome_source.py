"""Genes of a genome: sequences from FASTA at the places that an annotation gives."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysam

from genelm.storage import InputError

from .annotation import FEATURE_KINDS, GeneModel, read_gene_models
from .cleaning import Dropped
from .compression import GZIP_MAGIC, open_plain_or_gzip
from .genes import SourceGene, new_gene
from .store import reverse_complement

__all__ = ["FEATURE_KINDS", "read_genome"]

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that every whole bgz file ends in (SAM specification, section 4.1.2)."""


def read_genome(
    fasta: Path, annotation: Path, *, feature: str, flank: int, max_length: int | None, dropped: Dropped
) -> Iterator[SourceGene]:
    """Read the genes of a genome in the order of its annotation.

    Args:
        fasta: the sequences. Plain and bgz files are read through an index in a temporary folder; one that lies
            beside them may be of another version and is not used. Files of ordinary gzip are unpacked to a temporary
            file first.
        annotation: GFF3 or GTF, plain or compressed.
        feature: `gene`, or `exon-spliced` or `CDS` of one transcript; see `annotation.read_gene_models`.
        flank: bases to read on either side of a gene, up to the end of its contig.
        max_length: longer genes are counted as `too_long` and not read; None reads all.
        dropped: where genes left out are counted: also, as `cut_off_by_contig`, those of a slice of a chromosome that
            begin before it.

    Yields:
        Genes on their sense strand; `start` and `end` are the span of what was read.

    Raises:
        InputError: a file cannot be used, or the two do not fit together.
    """
    if flank and feature != "gene":
        raise InputError(f"flank is for whole genes: {feature} has no bases beside it; leave one of the two out.")
    with _open_fasta(fasta) as contigs:
        for gene in read_gene_models(annotation, feature, dropped):
            spans = _spans_on_contig(gene, contigs, fasta, flank)
            if spans[0][0] < 1:
                dropped["cut_off_by_contig"] += 1
            elif max_length is not None and sum(end - start + 1 for start, end in spans) > max_length:
                dropped["too_long"] += 1
            else:
                yield _source_gene(gene, spans, contigs)


def _spans_on_contig(
    gene: GeneModel, contigs: pysam.FastaFile, fasta: Path, flank: int
) -> tuple[tuple[int, int], ...]:
    """Check that the gene lies on a contig of the FASTA file, and add the flanks."""
    if gene.contig not in contigs:
        some = ", ".join(contigs.references[:5])
        raise InputError(
            f"{gene.place}: gene {gene.gene_id} lies on {gene.contig}, which {fasta} does not have; its sequences are "
            f"{some}{', ...' if len(contigs.references) > 5 else ''}; give the annotation that belongs to it."
        )
    length = _length(contigs, gene.contig)
    start, end = gene.spans[0][0], max(end for _, end in gene.spans)
    if end > length and not (gene.is_circular and end <= 2 * length):
        raise InputError(
            f"{gene.place}: gene {gene.gene_id} ends at {end:,} of {gene.contig}, which has {length:,} bases in "
            f"{fasta}; give the annotation that belongs to it."
        )
    if not flank or start < 1:
        return gene.spans
    return ((max(1, start - flank), max(end, min(length, end + flank))),)


def _source_gene(gene: GeneModel, spans: tuple[tuple[int, int], ...], contigs: pysam.FastaFile) -> SourceGene:
    forward = "".join(_fetch(contigs, gene.contig, start, end) for start, end in spans)
    # Upper case first: the complement knows no soft-masked letters.
    sequence = reverse_complement(forward.upper()) if gene.strand == "-" else forward
    known = new_gene(
        gene.gene_id,
        sequence,
        symbol=gene.symbol,
        description=gene.description,
        gene_type=gene.gene_type,
        assembly=gene.assembly,
        chromosome=gene.chromosome,
        start=spans[0][0],
        end=max(end for _, end in spans),
        strand=gene.strand,
    )
    return SourceGene(known, gene.place)


def _fetch(contigs: pysam.FastaFile, contig: str, start: int, end: int) -> str:
    """Read a span, 1-based and inclusive, around the end of a circular contig if need be."""
    length = _length(contigs, contig)
    sequence: str = contigs.fetch(contig, start - 1, min(end, length))
    return sequence if end <= length else sequence + contigs.fetch(contig, 0, end - length)


def _length(contigs: pysam.FastaFile, contig: str) -> int:
    return int(contigs.get_reference_length(contig) or 0)  # None is for contigs that it does not have


@contextmanager
def _open_fasta(path: Path) -> Iterator[pysam.FastaFile]:
    with tempfile.TemporaryDirectory() as folder:
        kind = _compression(path)
        plain = path
        if kind == "gzip":
            plain = Path(folder) / "genome.fa"
            with open_plain_or_gzip(path) as packed, open(plain, "wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        index, blocks = Path(folder, "genome.fai"), Path(folder, "genome.gzi")
        try:
            pysam.faidx(str(plain), "--fai-idx", str(index), "--gzi-idx", str(blocks), catch_stdout=False)
            with pysam.FastaFile(
                str(plain), filepath_index=str(index), filepath_index_compressed=str(blocks) if kind == "bgz" else None
            ) as contigs:
                yield contigs
        except pysam.SamtoolsError as error:  # htslib has written its reason to stderr
            raise InputError(
                f"{path} is not FASTA that can be indexed: it is damaged or something else; check it or copy it again."
            ) from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} has a sequence name that is not UTF-8 ({error}); correct it.") from error
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
                raise  # the disk, not the file's content
            raise InputError(f"{path} is not FASTA that can be read ({_words(error)}); check the file.") from error


def _compression(path: Path) -> str | None:
    with open(path, "rb") as file:
        start = file.read(18)
        if start[:2] != GZIP_MAGIC:
            return None
        if not (start[3] & 4 and start[12:14] == b"BC"):
            return "gzip"
        file.seek(-min(len(_BGZF_END), path.stat().st_size), 2)
        if file.read() != _BGZF_END:
            raise InputError(f"{path} is cut off: the last block of bgz is missing; copy or download it again.")
    return "bgz"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
