"""Genes of a genome: sequences from FASTA at the positions that an annotation gives."""

from collections.abc import Iterator
from pathlib import Path

import pysam

from genelm.storage import InputError, OptionError
from genelm.tokenization import reverse_complement

from ..genes import Dropped, SourceGene, new_gene
from .annotation import GeneModel, read_gene_models
from .indexed_fasta import open_indexed_fasta


def read_genome(
    fasta: Path, annotation: Path, *, feature: str, flank: int, max_length: int | None, dropped: Dropped
) -> Iterator[SourceGene]:
    """Read the genes of a genome in the order of its annotation.

    Args:
        fasta: FASTA with the sequences of the contigs, plain or compressed.
        annotation: GFF3 or GTF, plain or compressed.
        feature: `gene`, or of the transcript that stands for a gene `exon-spliced` or `CDS`.
        flank: bases to read on either side of a gene, up to the end of its contig.
        max_length: longer genes are counted as `too_long` and not read; None reads all.
        dropped: where genes that are dropped are counted: those that `read_gene_models` drops, the too long ones, and
            as `cut_off_by_contig` those of a slice of a chromosome that begin before it.

    Yields:
        Genes on their sense strand; `start` and `end`, 1-based and inclusive, are the span of what was read.

    Raises:
        InputError: a file cannot be used, or the two do not fit together.
    """
    if flank and feature != "gene":
        raise OptionError("{flank} is for whole genes: {} has no bases beside it; leave one of the two out.", feature)
    with open_indexed_fasta(fasta) as contigs:
        for gene in read_gene_models(annotation, feature, dropped):
            spans = _spans_on_contig(gene, contigs, fasta, flank)
            if spans[0][0] < 1:
                dropped.drop("cut_off_by_contig", gene.gene_id)
            elif max_length is not None and sum(end - start + 1 for start, end in spans) > max_length:
                dropped.drop("too_long", gene.gene_id)
            else:
                yield _source_gene(gene, spans, contigs)


def _spans_on_contig(
    gene: GeneModel, contigs: pysam.FastaFile, fasta: Path, flank: int
) -> tuple[tuple[int, int], ...]:
    """Return the spans to read, with flanks, after a check that they lie on a contig of the FASTA file."""
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
    if start > length:
        start, end = start - length, end - length
    sequence: str = contigs.fetch(contig, start - 1, min(end, length))
    return sequence if end <= length else sequence + contigs.fetch(contig, 0, end - length)


def _length(contigs: pysam.FastaFile, contig: str) -> int:
    return int(contigs.get_reference_length(contig) or 0)  # None is for contigs that it does not have
