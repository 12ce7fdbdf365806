"""What is dropped is counted, no sequence is in two splits, and a random split depends on ids and seed alone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.cleaning import check_gene_ids, clean, drop_copies_of, drop_duplicates
from genelm.dataset_scripts.genes import SourceGene, new_gene
from genelm.dataset_scripts.splitting import split_at_random
from genelm.storage import InputError


def source_genes(*sequences: str) -> list[SourceGene]:
    return [SourceGene(new_gene(f"g{i}", s), f"genes.csv, line {i + 2}") for i, s in enumerate(sequences)]


def sequences_of(genes: list[SourceGene]) -> list[str]:
    return [gene["sequence"] for gene, _ in genes]


def test_each_reason_is_counted_once_per_gene():
    kept, dropped = clean(source_genes("acgu", "", "ACGN", "rn", "A", "ACGTACGTA", "TT"), min_length=2, max_length=8)
    assert sequences_of(kept) == ["ACGT", "TT"]
    assert dropped == {"empty": 1, "ambiguous_letters": 2, "too_short": 1, "too_long": 1}


@pytest.mark.parametrize("letter", ["X", "-", " ", "*", "ß", "İ", "1"])
def test_a_letter_outside_iupac_is_one_sentence_that_names_row_and_gene(letter):
    with pytest.raises(InputError) as error:
        clean(source_genes("ACGT", f"AC{letter}T"), 1, 1000)
    assert str(error.value).startswith(f"genes.csv, line 3: gene g1 has {letter!r} at position 3 of its sequence")


@given(st.lists(st.text("ACGTUacgtuNRYn", max_size=6)), st.integers(1, 3), st.integers(3, 6))
def test_cleaning_accounts_for_every_gene(sequences, min_length, max_length):
    kept, dropped = clean(source_genes(*sequences), min_length, max_length)
    assert len(kept) + dropped.total() == len(sequences)
    assert all(set(gene["sequence"]) <= set("ACGT") for gene, _ in kept)
    assert all(min_length <= gene["length"] == len(gene["sequence"]) <= max_length for gene, _ in kept)
    assert clean(kept, min_length, max_length) == (kept, Counter())


@given(st.lists(st.text("AC", min_size=1, max_size=3)))
def test_of_equal_sequences_the_first_stays(sequences):
    kept, dropped = drop_duplicates(source_genes(*sequences))
    assert sequences_of(kept) == list(dict.fromkeys(sequences))
    assert dropped.total() == len(sequences) - len(set(sequences))


@given(*[st.lists(st.text("AC", min_size=1, max_size=3))] * 2)
def test_no_copy_of_the_reference_is_left(reference, sequences):
    kept, dropped = drop_copies_of("test", source_genes(*reference), source_genes(*sequences))
    assert sequences_of(kept) == [sequence for sequence in sequences if sequence not in reference]
    copies = len(sequences) - len(kept)
    assert dropped == ({"duplicate_of_test": copies} if copies else {})


def test_one_gene_id_for_two_sequences_is_refused():
    genes = source_genes("A", "C")
    again = SourceGene(new_gene("g0", "G"), "other.csv, line 9")
    with pytest.raises(InputError, match=r"other.csv, line 9: gene g0 already stands at genes.csv, line 2 "):
        check_gene_ids([*genes, again])


@given(st.lists(st.text(max_size=4), unique=True), st.integers(0, 2**32), st.randoms())
def test_a_split_is_a_partition_that_depends_on_ids_and_seed_alone(gene_ids, seed, random):
    fractions = (0.6, 0.2, 0.2)
    split = split_at_random(gene_ids, fractions, seed)
    assert sorted(i for part in split.values() for i in part) == list(range(len(gene_ids)))
    for name, fraction in zip(("train", "validation", "test"), fractions, strict=True):
        assert abs(len(split[name]) - fraction * len(gene_ids)) <= 1
        assert split[name] == sorted(split[name])

    shuffled = random.sample(gene_ids, len(gene_ids))
    again = split_at_random(shuffled, fractions, seed)
    for name, part in split.items():
        assert {gene_ids[i] for i in part} == {shuffled[i] for i in again[name]}


def test_another_seed_gives_another_split():
    gene_ids = [str(i) for i in range(100)]
    assert split_at_random(gene_ids, (0.6, 0.2, 0.2), 0) != split_at_random(gene_ids, (0.6, 0.2, 0.2), 1)
