"""What of a gene is kept, and that everything dropped is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.cleaning.cleaning_rules import CleanGene, CleaningRules, clean
from genelm.dataset_scripts.genes.dropped import Dropped
from genelm.dataset_scripts.genes.gene_schema import SourceGene, new_gene
from genelm.storage import InputError


def source_genes(*sequences: str) -> list[SourceGene]:
    return [SourceGene(new_gene(f"g{i}", s), f"genes.csv, line {i + 2}") for i, s in enumerate(sequences)]


def cleaned(genes: list[SourceGene], **rules) -> tuple[list[CleanGene], Dropped]:
    dropped = Dropped()
    return list(clean(genes, CleaningRules(**rules), dropped)), dropped


def pieces(genes: list[CleanGene]) -> dict[str, str]:
    return {gene["gene_id"]: gene["sequence"] for gene, _ in genes}


def test_each_reason_is_counted_once_per_gene():
    genes = source_genes("acgu", "", "ACGN", "rn", "A", "ACGTACGTA", "TT")
    kept, dropped = cleaned(genes, min_length=2, max_length=8)
    assert pieces(kept) == {"g0": "ACGT", "g6": "TT"}
    assert dropped == {"empty": 1, "ambiguous_letters": 2, "too_short": 1, "too_long": 1}


@pytest.mark.parametrize("letter", ["X", "-", " ", "*", "ß", "İ", "1"])
def test_a_letter_outside_iupac_is_one_sentence_that_names_row_and_gene(letter):
    with pytest.raises(InputError) as error:
        cleaned(source_genes("ACGT", f"AC{letter}T"))
    assert str(error.value).startswith(f"genes.csv, line 3: gene g1 has {letter!r} at position 3 of its sequence")


@given(st.lists(st.text("ACGTUacgtuNRYn", max_size=6)), st.integers(1, 3), st.integers(3, 6))
def test_cleaning_accounts_for_every_gene(sequences, min_length, max_length):
    kept, dropped = cleaned(source_genes(*sequences), min_length=min_length, max_length=max_length)
    assert len(kept) + dropped.total() == len(sequences)
    assert all(set(gene["sequence"]) <= set("ACGT") for gene, _ in kept)
    assert all(min_length <= gene["length"] == len(gene["sequence"]) <= max_length for gene, _ in kept)


def test_a_gene_is_split_at_ambiguous_letters_into_pieces_named_by_their_place():
    kept, dropped = cleaned(source_genes("nnACGTRAnGGC", "NNN"), ambiguous="split", min_length=2)
    assert pieces(kept) == {"g0:3-6": "ACGT", "g0:10-12": "GGC"}
    assert dropped == {"too_short": 1, "no_bases": 1}
    assert {parent for _, parent in kept} == {"g0"}


def test_ambiguous_letters_can_be_kept_but_not_a_gene_of_nothing_else():
    kept, dropped = cleaned(source_genes("acnr", "NNN"), ambiguous="keep")
    assert pieces(kept) == {"g0": "ACNR"}
    assert dropped == {"no_bases": 1}


@pytest.mark.parametrize(
    ("stride", "windows"),
    [
        (4, {"g0:1-4": "AACC", "g0:5-8": "GGTT", "g0:9-10": "AC"}),
        (3, {"g0:1-4": "AACC", "g0:4-7": "CGGT", "g0:7-10": "TTAC"}),
        (2, {"g0:1-4": "AACC", "g0:3-6": "CCGG", "g0:5-8": "GGTT", "g0:7-10": "TTAC"}),
    ],
)
def test_windows_worked_by_hand(stride, windows):
    kept, _ = cleaned(source_genes("AACCGGTTAC"), window=4, stride=stride)
    assert pieces(kept) == windows


def test_a_gene_no_longer_than_the_window_stays_whole():
    kept, _ = cleaned(source_genes("AACC"), window=4, stride=1)
    assert pieces(kept) == {"g0": "AACC"}


@given(st.integers(1, 40), st.integers(1, 10), st.data())
def test_windows_leave_no_base_out(length, window, data):
    stride = data.draw(st.integers(1, window))
    kept, _ = cleaned(source_genes("A" * length), window=window, stride=stride)
    spans = [tuple(map(int, g["gene_id"].split(":")[1].split("-"))) for g, _ in kept if ":" in g["gene_id"]]
    covered = {i for start, end in spans for i in range(start, end + 1)} or set(range(1, length + 1))
    assert covered == set(range(1, length + 1))
    assert all(gene["length"] <= window for gene, _ in kept)


@pytest.mark.parametrize(("strand", "places"), [("+", [(11, 14), (15, 16)]), ("-", [(13, 16), (11, 12)])])
def test_pieces_know_their_place_on_the_chromosome(strand, places):
    gene = new_gene("g", "AACCGG", start=11, end=16, strand=strand)
    kept, _ = cleaned([SourceGene(gene, "here")], window=4, stride=4)
    assert [(piece["start"], piece["end"]) for piece, _ in kept] == places


def test_pieces_of_joined_exons_keep_the_span_of_their_gene():
    gene = new_gene("g", "AACCGG", start=11, end=99, strand="+")
    kept, _ = cleaned([SourceGene(gene, "here")], window=4, stride=4)
    assert [(piece["start"], piece["end"]) for piece, _ in kept] == [(11, 99), (11, 99)]
