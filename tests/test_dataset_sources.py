"""Genes are read from CSV and FASTA as they stand there, and what cannot be read is one sentence."""

import gzip
from pathlib import Path

import pytest

from genelm.dataset_scripts.genes.gene_schema import FEATURES
from genelm.dataset_scripts.sources.csv_source import has_csv_name, read_csv
from genelm.dataset_scripts.sources.fasta_source import read_fasta
from genelm.dataset_scripts.sources.simulator import simulate_genes
from genelm.storage import InputError

PAPER_HEADER = "NCBIGeneID,Symbol,Description,GeneType,GeneGroupIdentifier,GeneGroupMethod,NucleotideSequence"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv_genes(path: Path, **columns: str) -> list[dict]:
    return [dict(gene) for gene, _ in read_csv(path, columns)]


def test_a_row_of_the_paper_fills_our_columns(tmp_path):
    row = '85290,KRTAP4-3,"keratin, 4-3",PROTEIN_CODING,85290.0,NCBI Ortholog,<GATTACA>'
    (gene,) = csv_genes(written(tmp_path / "g.csv", f"{PAPER_HEADER}\n{row}\n"))
    assert list(gene) == list(FEATURES)
    assert {name: value for name, value in gene.items() if value is not None} == {
        "gene_id": "85290",
        "symbol": "KRTAP4-3",
        "description": "keratin, 4-3",
        "gene_type": "PROTEIN_CODING",
        "gene_group": "85290",
        "sequence": "GATTACA",
        "length": 7,
    }


@pytest.mark.parametrize("name", ["g.csv", "g.csv.gz"])
def test_csv_may_be_compressed_whatever_the_suffix(tmp_path, name):
    rows = b"\xef\xbb\xbfgene_id,sequence\r\na,ACGT\r\nb,TT\r\n"
    genes = csv_genes(written(tmp_path / name, gzip.compress(rows)))
    assert [(gene["gene_id"], gene["sequence"]) for gene in genes] == [("a", "ACGT"), ("b", "TT")]
    assert csv_genes(written(tmp_path / name, rows)) == genes


def test_a_name_says_that_a_file_is_csv_though_it_is_compressed():
    names = ("g.csv", "g.CSV.gz", "g.csv.bgz", "g.csv.fa", "g.fa.gz", "csv", "g.gz")
    assert [has_csv_name(Path(name)) for name in names] == [True] * 3 + [False] * 4


def test_our_own_column_names_are_known(tmp_path):
    header = "strand,end,start,chromosome,sequence,gene_id,extra"
    (gene,) = csv_genes(written(tmp_path / "g.csv", f"{header}\n-,9,7,X,ACG,7,ignored\n"))
    assert (gene["strand"], gene["start"], gene["end"], gene["chromosome"]) == ("-", 7, 9, "X")


def test_named_columns_come_before_known_ones(tmp_path):
    path = written(tmp_path / "g.csv", "sequence,seq_col,name\nAAAA,CC,g1\n")
    (gene,) = csv_genes(path, sequence="seq_col", gene_id="name")
    assert (gene["gene_id"], gene["sequence"], gene["length"]) == ("g1", "CC", 2)


def test_without_ids_a_gene_is_named_after_its_line(tmp_path):
    genes = csv_genes(written(tmp_path / "g.csv", "sequence\nAC\nGT\n"))
    assert [gene["gene_id"] for gene in genes] == ["g.csv:2", "g.csv:3"]


def test_spreadsheet_files_with_bom_and_crlf_and_blank_lines_are_fine(tmp_path):
    path = written(tmp_path / "g.csv", b"\xef\xbb\xbfgene_id,sequence\r\n1,AC\r\n\r\n2,GT\r\n")
    assert [(gene["gene_id"], gene["sequence"]) for gene in csv_genes(path)] == [("1", "AC"), ("2", "GT")]


def test_a_gene_longer_than_the_limit_of_the_csv_module_is_read(tmp_path):
    path = written(tmp_path / "g.csv", "gene_id,sequence\n1," + "ACGT" * 50_000 + "\n")
    assert csv_genes(path)[0]["length"] == 200_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,seq\n1,AC\n", r"g.csv has no column 'sequence' or .*its columns are id, seq; .*sequence=COLUMN"),
        (">gene one\nACGT\n", r"g.csv looks like FASTA, not CSV; read it with --source fasta"),
        ("gene_id,sequence\n", r"g.csv has a header but no rows"),
        ("gene_id,sequence\n1,AC\n2\n", r"g.csv, line 3 has 1 cells where the header has 2"),
        ("gene_id,sequence\n,AC\n", r"g.csv, line 2 has no gene id"),
        ("sequence,sequence\nAC,AC\n", r"g.csv has more than one column 'sequence'"),
        ("gene_id,start,sequence\n1,chr7,AC\n", r"g.csv, line 2: start is 'chr7', not a whole number"),
        ("gene_id,strand,sequence\n1,minus,AC\n", r"g.csv, line 2: strand is 'minus', not \+ or -"),
        ('gene_id,sequence\n1,"AC\n2,GT\n', r"g.csv is not well-formed CSV"),
        (b"gene_id,symbol,sequence\n1,\xe9,AC\n", r"g.csv is not UTF-8 text"),
        (b"\x1f\x8b\x08\x00\xff\xff\xff", r"g.csv is cut off: the gzip stream has no end"),
        (gzip.compress(b"gene_id,symbol,sequence\n1,\xe9,AC\n", mtime=0), r"g.csv is not UTF-8 text"),
    ],
)
def test_bad_csv_is_one_sentence(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        csv_genes(written(tmp_path / "g.csv", content))


def test_a_named_column_that_is_not_there_is_one_sentence(tmp_path):
    path = written(tmp_path / "g.csv", "gene_id,sequence\n1,AC\n")
    with pytest.raises(InputError, match=r"no column 'dna' to be read as sequence; its columns are gene_id, sequence"):
        csv_genes(path, sequence="dna")


FASTA = ">NM_1.2 first gene [x=1]\nACGT\nacgtn\n\n>g2\r\nTT\r\n>g3\tafter a tab\n"


@pytest.mark.parametrize("name", ["g.fa", "g.fa.gz", "plain.fa.gz", "compressed.fa"])
def test_fasta_is_read_plain_and_compressed_whatever_the_suffix(tmp_path, name):
    compressed = name in ("g.fa.gz", "compressed.fa")
    path = written(tmp_path / name, gzip.compress(FASTA.encode()) if compressed else FASTA)
    genes = list(read_fasta(path))
    assert [(g["gene_id"], g["description"], g["sequence"]) for g, _ in genes] == [
        ("NM_1.2", "first gene [x=1]", "ACGTacgtn"),
        ("g2", None, "TT"),
        ("g3", "after a tab", ""),
    ]
    assert genes[1].place == f"{path}, record 2"


@pytest.mark.parametrize("kept", [5, 0.5, -1])
def test_a_truncated_gz_is_one_sentence(tmp_path, kept):
    whole = gzip.compress(FASTA.encode() * 1000)
    end = int(len(whole) * kept) if isinstance(kept, float) else kept
    with pytest.raises(InputError, match=r"g.fa.gz is cut off: .*copy or download it again"):
        list(read_fasta(written(tmp_path / "g.fa.gz", whole[:end])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n\n", r"g.fa holds no FASTA record"),
        ("ACGT\n>g1\nAC\n", r"g.fa is not FASTA: .*line 1: Expected '>'"),
        ("@read\nAC\n+\nII\n", r"g.fa is not FASTA"),
        (">\nACGT\n", r"g.fa, record 1 has no gene id"),
        (b">g1\nAC\xff\xfe\n", r"g.fa is not (UTF-8 text|FASTA)"),
    ],
)
def test_bad_fasta_is_one_sentence(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        list(read_fasta(written(tmp_path / "g.fa", content)))


def test_a_damaged_gz_is_one_sentence(tmp_path):
    whole = bytearray(gzip.compress(FASTA.encode()))
    whole[-8] ^= 1  # the checksum of the content
    with pytest.raises(InputError, match=r"g.fa.gz is damaged \(CRC check failed"):
        list(read_fasta(written(tmp_path / "g.fa.gz", bytes(whole))))


def test_simulated_genes_depend_on_the_seed_alone():
    genes = simulate_genes(200, seed=3, max_length=300)
    assert genes == simulate_genes(200, seed=3, max_length=300)
    assert genes[:100] == simulate_genes(100, seed=3, max_length=300)
    assert genes != simulate_genes(200, seed=4, max_length=300)


@pytest.mark.parametrize("max_length", [30, 300])
def test_simulated_genes_respect_the_length_and_the_alphabet(max_length):
    genes = simulate_genes(200, seed=0, max_length=max_length)
    assert len(genes) == 200
    assert all(0 < gene["length"] == len(gene["sequence"]) <= max_length for gene in genes)
    assert set("".join(gene["sequence"] for gene in genes)) == set("ACGT")


def test_simulated_coding_genes_are_open_reading_frames():
    coding = [g["sequence"] for g in simulate_genes(300, 0, 600) if g["gene_type"] == "PROTEIN_CODING"]
    assert len(coding) > 20
    for sequence in coding:
        codons = [sequence[i : i + 3] for i in range(0, len(sequence), 3)]
        stops = [codon in ("TAA", "TAG", "TGA") for codon in codons]
        assert codons[0] == "ATG"
        assert stops == [False] * (len(codons) - 1) + [True]


def test_simulated_families_hold_relatives_and_loners():
    genes = simulate_genes(300, 0, 600)
    families: dict[str, list[str]] = {}
    for gene in genes:
        if gene["gene_type"] == "ncRNA":  # substitutions only, so relatives can be compared letter by letter
            families.setdefault(gene["gene_group"], []).append(gene["sequence"])
    sizes = {len(members) for members in families.values()}
    assert 1 in sizes
    assert max(sizes) > 1
    for members in families.values():
        for member in members[1:]:
            same = sum(a == b for a, b in zip(members[0], member, strict=True)) / len(member)
            assert same > 0.5  # unrelated genes agree in about a quarter


def test_simulated_genes_need_room():
    with pytest.raises(InputError, match="max_length is 20, but simulated genes need at least 30"):
        simulate_genes(5, 0, 20)
