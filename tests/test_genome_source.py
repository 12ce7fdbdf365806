"""Genes come off a genome where the annotation says, on their own strand, whatever dialect it is written in."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import pysam
import pytest

from genelm.dataset_scripts.genes.dropped import Dropped
from genelm.dataset_scripts.genes.gene_schema import Gene
from genelm.dataset_scripts.sources.genome_source import read_genome
from genelm.storage import InputError
from genelm.tokenization import reverse_complement

CONTIG = "AACCCATGGGTTTAGAAATTTCCCGGGACGTACGTTAACC"  # 40 bases


def genes_of(fasta: Path, annotation: Path, **options) -> tuple[list[Gene], Dropped]:
    dropped = Dropped()
    options = {"feature": "gene", "flank": 0, "max_length": None} | options
    return [gene for gene, _ in read_genome(fasta, annotation, dropped=dropped, **options)], dropped


def gff(*lines: str) -> str:
    return "##gff-version 3\n" + "".join("\t".join(line.split(" ", 8)) + "\n" for line in lines)


@pytest.fixture
def genome(tmp_path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1 first\n{CONTIG[:25]}\n{CONTIG[25:]}\n>chr2\nacgtn\n")
    return path


@pytest.fixture
def annotation(tmp_path) -> Path:
    return tmp_path / "genes.gff3"


REFSEQ = (
    "chr1 RefSeq region 1 40 . + . ID=r;genome=chromosome;chromosome=1",
    "chr1 RefSeq gene 6 20 . + . ID=gene-A;Dbxref=GeneID:77,HGNC:5;Name=A;description=one%2C two;gene_biotype=lncRNA",
    "chr1 RefSeq pseudogene 31 36 . - . ID=gene-B;Dbxref=GeneID:88;Name=B;gene_biotype=processed_pseudogene",
)


def test_refseq_genes_worked_by_hand(genome, annotation):
    annotation.write_text("#!genome-build-accession NCBI_Assembly:GCF_1.2\n" + gff(*REFSEQ))
    (a, b), dropped = genes_of(genome, annotation)
    assert a["sequence"] == CONTIG[5:20]
    assert b["sequence"] == reverse_complement(CONTIG[30:36])
    assert (a["gene_id"], a["symbol"], a["description"], a["gene_type"]) == ("77", "A", "one, two", "ncRNA")
    assert (b["gene_id"], b["gene_type"], b["strand"], b["start"], b["end"]) == ("88", "PSEUDO", "-", 31, 36)
    assert (a["assembly"], a["chromosome"]) == ("GCF_1.2", "1")
    assert not dropped


def test_flanks_stop_at_the_ends_of_the_contig(genome, annotation):
    annotation.write_text(gff(*REFSEQ))
    (a, b), _ = genes_of(genome, annotation, flank=5)
    assert (a["start"], a["end"], a["sequence"]) == (1, 25, CONTIG[:25])
    assert (b["start"], b["end"], b["sequence"]) == (26, 40, reverse_complement(CONTIG[25:]))


def test_longer_genes_are_counted(genome, annotation):
    annotation.write_text(gff(*REFSEQ))
    genes, dropped = genes_of(genome, annotation, max_length=6)
    assert [gene["gene_id"] for gene in genes] == ["88"]
    assert dropped == {"too_long": 1}


GENCODE_GTF = (
    'chr1 H gene 6 36 . {s} . gene_id "ENSG1.2"; gene_type "protein_coding"; gene_name "A;B"; level 2;',
    'chr1 H transcript 6 36 . {s} . gene_id "ENSG1.2"; transcript_id "T1"; tag "basic";',
    'chr1 H exon 6 36 . {s} . gene_id "ENSG1.2"; transcript_id "T1";',
    'chr1 H CDS 6 33 . {s} 0 gene_id "ENSG1.2"; transcript_id "T1";',
    'chr1 H transcript 6 20 . {s} . gene_id "ENSG1.2"; transcript_id "T2"; tag "basic"; tag "MANE_Select";',
    'chr1 H exon 6 10 . {s} . gene_id "ENSG1.2"; transcript_id "T2";',
    'chr1 H CDS 7 10 . {s} 0 gene_id "ENSG1.2"; transcript_id "T2";',
    'chr1 H exon 16 20 . {s} . gene_id "ENSG1.2"; transcript_id "T2";',
    'chr1 H CDS 16 17 . {s} 2 gene_id "ENSG1.2"; transcript_id "T2";',
    'chr1 H stop_codon 18 20 . {s} 0 gene_id "ENSG1.2"; transcript_id "T2";',
)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("exon-spliced", CONTIG[5:10] + CONTIG[15:20]),
        ("CDS", CONTIG[6:10] + CONTIG[15:20]),
    ],
)
@pytest.mark.parametrize("strand", ["+", "-"])
def test_the_tagged_transcript_of_a_gencode_gtf_is_spliced_stop_codon_included(
    genome, tmp_path, feature, expected, strand
):
    annotation = tmp_path / "genes.gtf.gz"
    lines = gff(*GENCODE_GTF).replace("##gff-version 3\n", "##format: gtf\n").replace("{s}", strand)
    annotation.write_bytes(gzip.compress(lines.encode()))
    (gene,), dropped = genes_of(genome, annotation, feature=feature)
    assert gene["sequence"] == (expected if strand == "+" else reverse_complement(expected))
    assert (gene["gene_id"], gene["symbol"], gene["gene_type"]) == ("ENSG1.2", "A;B", "PROTEIN_CODING")
    assert not dropped


def test_without_a_tag_the_longest_coding_sequence_is_taken_and_genes_without_one_are_counted(genome, annotation):
    annotation.write_text(
        gff(
            "chr1 e ncRNA_gene 1 4 . + . ID=gene:N;gene_id=N;biotype=lncRNA",
            "chr1 e gene 6 30 . + . ID=gene:G;gene_id=G;biotype=protein_coding",
            "chr1 e mRNA 6 30 . + . ID=transcript:1;Parent=gene:G",
            "chr1 e CDS 6 8 . + 0 Parent=transcript:1",
            "chr1 e exon 6 30 . + . Parent=transcript:1",
            "chr1 e mRNA 6 20 . + . ID=transcript:2;Parent=gene:G",
            "chr1 e CDS 6 11 . + 0 Parent=transcript:2",
        )
    )
    (gene,), dropped = genes_of(genome, annotation, feature="CDS")
    assert (gene["gene_id"], gene["sequence"]) == ("G", CONTIG[5:11])
    assert dropped == {"no_cds": 1}
    # A gene without exons is one exon itself.
    genes, _ = genes_of(genome, annotation, feature="exon-spliced")
    assert genes[0]["sequence"] == CONTIG[:4]


def test_genes_on_no_strand_or_on_both_are_counted(genome, annotation):
    annotation.write_text(
        gff(
            "chr1 e gene 1 4 . . . ID=a",
            "chr1 e gene 1 9 . + . ID=b",
            "chr1 e mRNA 1 9 . + . ID=t;Parent=b",
            "chr1 e exon 1 3 . + . Parent=t",
            "chr1 e exon 5 9 . - . Parent=t",
        )
    )
    genes, dropped = genes_of(genome, annotation, feature="exon-spliced")
    assert (genes, dropped) == ([], {"no_strand": 1, "mixed_strands": 1})


def test_a_gene_runs_over_the_end_of_a_circular_contig(genome, annotation):
    line = "chr1 e gene 38 43 . - . ID=a"
    annotation.write_text(gff("chr1 e region 1 40 . + . ID=r;Is_circular=true", line))
    (gene,), _ = genes_of(genome, annotation)
    assert gene["sequence"] == reverse_complement(CONTIG[37:] + CONTIG[:3])
    annotation.write_text(gff(line))
    with pytest.raises(InputError, match=r"line 2: gene a ends at 43 of chr1, which has 40 bases in .*genome.fa"):
        genes_of(genome, annotation)


def test_a_gene_may_begin_where_a_circular_contig_begins_again(genome, annotation):
    circular = "chr1 e region 1 40 . + . ID=r;Is_circular=true"
    annotation.write_text(gff(circular, "chr1 e gene 43 48 . + . ID=a"))
    ((gene,), _) = genes_of(genome, annotation)
    assert gene["sequence"] == CONTIG[2:8]


def test_contigs_that_are_not_placed_on_their_chromosome_are_of_it(genome, annotation):
    regions = (
        "chr1 e region 1 40 . + . ID=r;genome=genomic;chromosome=6",
        "chr2 e region 1 5 . + . ID=s;genome=genomic;chromosome=Un",
    )
    annotation.write_text(gff(*regions, "chr1 e gene 3 8 . + . ID=a", "chr2 e gene 1 4 . + . ID=b"))
    genes, _ = genes_of(genome, annotation)
    assert [gene["chromosome"] for gene in genes] == ["6", "chr2"]


def test_a_gene_whose_introns_show_between_its_coding_parts_alone_is_not_spliced(genome, annotation):
    gene = "chr1 e gene 1 40 . + . ID=a; Name=A"  # a space after the semicolon, as some write it
    far, near = "chr1 e CDS 24 36 . + 0 ID=c; Parent=a", "chr1 e CDS 11 36 . + 0 ID=c; Parent=a"
    first = "chr1 e CDS 2 9 . + 0 ID=c; Parent=a"
    for second, names, reasons in ((far, [], {"no_exons": 1}), (near, ["A"], {})):
        annotation.write_text(gff(gene, first, second))
        genes, dropped = genes_of(genome, annotation, feature="exon-spliced")
        assert [gene["symbol"] for gene in genes] == names
        assert Counter(reason for reason, _ in dropped.genes) == reasons
    annotation.write_text(
        gff(
            gene,
            "chr1 e pseudogenic_transcript 1 40 . + . ID=t; Parent=a",
            *(f"chr1 e pseudogenic_exon {span} . + . Parent=t" for span in ("2 9", "24 36")),
        )
    )
    ((gene,), _) = genes_of(genome, annotation, feature="exon-spliced")
    assert gene["sequence"] == CONTIG[1:9] + CONTIG[23:36]


def coding(annotation: Path, genome: Path, *lines: str) -> tuple[list[str], Dropped]:
    annotation.write_text(gff(*lines))
    genes, dropped = genes_of(genome, annotation, feature="CDS")
    return [gene["sequence"] for gene in genes], dropped


def test_bases_that_the_ribosome_reads_twice_are_twice_in_the_coding_sequence(genome, annotation):
    gene = ("chr1 e gene 1 30 . + . ID=g", "chr1 e mRNA 1 30 . + . ID=t;Parent=g")
    slips_back = ("chr1 e CDS 3 12 . + 0 ID=c;Parent=t", "chr1 e CDS 12 20 . + 0 ID=c;Parent=t")
    assert coding(annotation, genome, *gene, *slips_back)[0] == [CONTIG[2:12] + CONTIG[11:20]]
    # Overlapping lines of different coding sequences are alternatives: the longest is taken.
    other = ("chr1 e CDS 3 6 . + 0 ID=c1;Parent=t", "chr1 e CDS 9 14 . + 0 ID=c1;Parent=t")
    longest = ("chr1 e CDS 6 20 . + 0 ID=c2;Parent=t",)
    assert coding(annotation, genome, *gene, *other, *longest)[0] == [CONTIG[5:20]]
    # Some tools give each part an ID of its own.
    apart = ("chr1 e CDS 3 6 . + 0 ID=c1;Parent=t", "chr1 e CDS 9 14 . + 0 ID=c2;Parent=t")
    assert coding(annotation, genome, *gene, *apart)[0] == [CONTIG[2:6] + CONTIG[8:14]]


def test_one_part_may_belong_to_several_transcripts_and_a_transcript_hang_from_another(genome, annotation):
    lines = (
        "chr1 e gene 1 30 . + . ID=g",
        "chr1 e primary_transcript 1 30 . + . ID=p;Parent=g;tag=RefSeq Select",
        "chr1 e mRNA 1 30 . + . ID=t;Parent=g",
        "chr1 e exon 1 9 . + . Parent=p,t",
        "chr1 e exon 21 30 . + . Parent=t",
        "chr1 e miRNA 2 5 . + . ID=m;Parent=p",
        "chr1 e exon 2 5 . + . Parent=m",
    )
    annotation.write_text(gff(*lines))
    (gene,), dropped = genes_of(genome, annotation, feature="exon-spliced")
    assert (gene["sequence"], dropped) == (CONTIG[:9], Counter())


def test_one_name_on_two_contigs_is_two_genes(genome, annotation):
    lines = tuple(
        line.format(contig)
        for contig in ("chr1", "chr2")
        for line in ("{} e gene 1 5 . + . ID=g", "{} e mRNA 1 5 . + . ID=t;Parent=g", "{} e CDS 1 3 . + 0 Parent=t")
    )
    assert coding(annotation, genome, *lines)[0] == [CONTIG[:3], "acg"]


def test_genes_that_cannot_be_spliced_are_counted(genome, annotation):
    lines = (
        "chr1 e gene 1 9 . + . ID=a;part=1",
        "chr1 e gene 20 29 . + . ID=a;part=2",
        "chr1 e CDS 1 9 . + 0 Parent=a",
        "chr1 e gene 1 9 . + . ID=b",
        "chr1 e gene 11 19 . + . ID=b",
        "chr1 e CDS 1 9 . + 0 Parent=b",
        "chr1 e CDS 1 9 . + 0 Parent=b",
        "chr1 e gene 1 9 . + . ID=c",
        "chr1 e CDS 1 12 . + 0 Parent=c",
        "chr1 e mRNA 1 9 . + . ID=t;Parent=d",
        "chr1 e CDS 1 9 . + 0 Parent=t",
    )
    sequences, dropped = coding(annotation, genome, *lines)
    assert sequences == [CONTIG[:9]]
    assert dropped == {"in_several_parts": 2, "gene_id_twice": 1, "parts_outside_gene": 1, "no_gene_line": 1}
    assert genes_of(genome, annotation)[1] == {"in_several_parts": 2}


def test_other_words_for_genes_are_read(genome, annotation):
    annotation.write_text(gff("chr1 v protein_coding_gene 1 9 . + . ID=a", "chr1 v ncRNA_gene 11 19 . + . ID=b"))
    genes, _ = genes_of(genome, annotation)
    assert [(gene["gene_id"], gene["gene_type"]) for gene in genes] == [("a", "PROTEIN_CODING"), ("b", "ncRNA")]


def test_gtf_whose_values_look_like_gff3_is_read_as_gtf(genome, annotation):
    annotation.write_text(
        gff(
            'chr1 e gene 1 9 . + . gene_id "G";description "x=y; z";gene_biotype "lncRNA"; tag "a";',
            'chr1 e exon 2 4 . + . gene_id "G";transcript_id "T"; note "p=q";',
        )
    )
    (gene,), _ = genes_of(genome, annotation, feature="exon-spliced")
    assert (gene["gene_id"], gene["description"], gene["gene_type"]) == ("G", "x=y; z", "ncRNA")
    assert gene["sequence"] == CONTIG[1:4]


@pytest.mark.parametrize("kind", ["gz", "bgz", "crlf", "indexed"])
def test_the_same_genes_come_out_of_every_kind_of_fasta(genome, annotation, tmp_path, kind):
    annotation.write_bytes(gff(*REFSEQ).replace("\n", "\r\n" if kind == "crlf" else "\n").encode())
    expected = genes_of(genome, annotation)
    other = tmp_path / "other" / f"genome.fa.{kind}"
    other.parent.mkdir()
    if kind == "gz":
        other.write_bytes(gzip.compress(genome.read_bytes()))
    elif kind == "bgz":
        pysam.tabix_compress(str(genome), str(other))
    else:
        other.write_bytes(genome.read_bytes().replace(b"\n", b"\r\n" if kind == "crlf" else b"\n"))
    if kind == "indexed":  # of another version, and newer than the file: it must not be used
        Path(f"{other}.fai").write_text("chr1\t35\t17\t25\t26\nchr2\t5\t66\t5\t6\n")
    before = sorted(other.parent.iterdir())
    assert genes_of(other, annotation) == expected
    assert sorted(other.parent.iterdir()) == before  # no index is left lying beside a user's file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1 e gene 1 4 . +\n", r"genes.gff3, line 2 has 7 columns separated by tabs, not the 9"),
        ("chr1 e gene 9 4 . + . ID=a\n", r"line 2 runs from 9 to 4"),
        ("chr1 e gene x 4 . + . ID=a\n", r"line 2 (runs from x to 4|is not GFF3 or GTF)"),
        ("1 e gene 1 4 . + . ID=a\n", r"line 2: gene a lies on 1, which .*genome.fa does not have; .* chr1, chr2"),
        ("chr1 e gene 1 4 . + . note=x\n", r"line 2 is a gene without an id"),
        ("chr1 e exon 1 4 . + . ID=a\n", r"genes.gff3 holds no gene"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_one_sentence(genome, annotation, content, message):
    annotation.write_text(gff(*content.splitlines()))
    with pytest.raises(InputError, match=message):
        genes_of(genome, annotation)


def test_an_annotation_that_is_not_utf8_or_cut_off_is_one_sentence(genome, annotation):
    annotation.write_bytes(gff(*REFSEQ).encode() + b"\xff\n")
    with pytest.raises(InputError, match=r"genes.gff3, line 5, is not UTF-8"):
        genes_of(genome, annotation)
    annotation.write_bytes(gzip.compress(gff(*REFSEQ).encode())[:-20])
    with pytest.raises(InputError, match=r"genes.gff3 is cut off"):
        genes_of(genome, annotation)


def test_a_fasta_that_cannot_be_used_is_one_sentence(genome, annotation, tmp_path):
    annotation.write_text(gff(*REFSEQ))
    text = genome.read_bytes()
    bad = tmp_path / "bad.fa"
    bad.write_bytes(gzip.compress(text)[:-20])
    with pytest.raises(InputError, match=r"bad.fa is cut off"):
        genes_of(bad, annotation)
    pysam.tabix_compress(str(genome), str(bad), force=True)
    bad.write_bytes(bad.read_bytes()[:-28])
    with pytest.raises(InputError, match=r"bad.fa is cut off: the last block of bgz is missing"):
        genes_of(bad, annotation)
    pysam.tabix_compress(str(genome), str(bad), force=True)
    whole = bytearray(bad.read_bytes())
    whole[40] ^= 1
    bad.write_bytes(whole)
    with pytest.raises(InputError, match=r"bad.fa is not FASTA that can be indexed: it is damaged"):
        genes_of(bad, annotation)
    bad.write_text("ACGT\n")
    with pytest.raises(InputError, match=r"bad.fa is not FASTA"):
        genes_of(bad, annotation)
    bad.write_bytes(b">chr1 \n" + text.split(b"\n", 1)[1] + b">\xe9\nACGT\n")
    with pytest.raises(InputError, match=r"bad.fa has a sequence name that is not UTF-8"):
        genes_of(bad, annotation)


def test_flanks_are_refused_for_spliced_genes(genome, annotation):
    annotation.write_text(gff(*REFSEQ))
    with pytest.raises(InputError, match="flank is for whole genes"):
        genes_of(genome, annotation, feature="CDS", flank=10)


def paper_genes(real_data: Path) -> dict[str, str]:
    rows: dict[str, str] = {}
    for name in ("genes_train_subset", "genes_validation", "genes_test"):
        with open(real_data / "paper" / f"{name}.csv", newline="") as lines:
            rows |= {row["NCBIGeneID"]: row["NucleotideSequence"].strip("<>") for row in csv.DictReader(lines)}
    return rows


def test_mitochondrial_genes_are_the_papers(real_data):
    folder, paper = real_data / "annotated" / "refseq", paper_genes(real_data)
    genes, dropped = genes_of(folder / "NC_012920.1.fasta", folder / "NC_012920.1.gff3")
    assert len(genes) == 37
    assert not dropped
    shared = [gene for gene in genes if gene["gene_id"] in paper]
    assert len(shared) == 15  # the files at hand have 40 % of the paper's training genes
    assert {gene["strand"] for gene in shared} == {"+", "-"}
    for gene in shared:
        assert gene["sequence"] == paper[gene["gene_id"]], gene["symbol"]


@pytest.mark.parametrize(
    ("record", "symbol"), [("NG_007485.1", "CDKN2A-DT"), ("NG_008835.1", "MIR7152"), ("NG_009497.1", "MRPS18BP1")]
)
def test_genes_of_refseqgene_records_are_the_papers(real_data, record, symbol):
    folder, paper = real_data / "annotated" / "refseq", paper_genes(real_data)
    genes, _ = genes_of(folder / f"{record}.fasta", folder / f"{record}.gff3")
    (gene,) = [gene for gene in genes if gene["symbol"] == symbol]
    assert gene["sequence"] == paper[gene["gene_id"]]


def test_coding_sequences_of_ensembl_slices_start_with_atg_and_end_with_a_stop(real_data):
    folders = sorted(path for path in (real_data / "annotated" / "ensembl").iterdir() if path.is_dir())
    broken = {}
    for folder in folders:
        genes, _ = genes_of(folder / f"{folder.name}.fa", folder / f"{folder.name}.gff", feature="CDS")
        for gene in genes:
            coding = gene["sequence"].upper()
            if not (coding.startswith("ATG") and coding[-3:] in ("TAA", "TAG", "TGA") and len(coding) % 3 == 0):
                broken[folder.name] = (gene["symbol"], coding[:3], coding[-3:], len(coding) % 3)
    assert len(folders) == 24
    assert broken == {
        "ENST00000295641": ("STK11IP", "AGG", "TGA", 0),  # the file has AGG where the annotated CDS begins
        "ENST00000341065": ("SAMD11", "CGC", "TGA", 2),  # the annotated CDS begins within a codon, phase 2
        "ENST00000368801.2": ("HRNR", "ATG", "AAG", 0),  # the annotation has the first of two coding parts alone
    }


def test_chromosome_coordinates_on_a_slice_are_refused(real_data):
    folder = real_data / "annotated" / "ensembl"
    with pytest.raises(InputError, match=r"lies on 9, which .* does not have"):
        genes_of(folder / "ENSG00000147889.18.fasta", folder / "ENSG00000147889.18.gff3")
