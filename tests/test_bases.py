"""One reverse complement and one numbering of k-mers, whatever a sequence is written in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.similarity.compiled_search import reverse_complement_ids
from genelm.tokenization import (
    IUPAC_LETTERS,
    base_codes,
    concatenate_sequences,
    encode,
    kmer_numbers,
    kmers,
    reverse_complement,
    reverse_complement_codes,
)

DNA = st.text("ACGTN", max_size=80)


def test_codes_and_the_other_strand_of_a_gene_worked_out_by_hand() -> None:
    assert base_codes("ACGTUacgtuN-").tolist() == [1, 2, 3, 4, 4, 1, 2, 3, 4, 4, 0, 0]
    assert reverse_complement("AACGTTTN") == "NAAACGTT"
    assert reverse_complement("RYKMBDHVSWN") == "NWSBDHVKMRY"
    assert reverse_complement_codes(base_codes("AACN")).tolist() == base_codes("NGTT").tolist()


@given(st.text(IUPAC_LETTERS.replace("U", ""), max_size=40))
def test_the_other_strand_of_the_other_strand_is_the_gene(gene: str) -> None:
    assert reverse_complement(reverse_complement(gene)) == gene


@given(DNA)
def test_letters_codes_and_ids_have_the_same_other_strand(gene: str) -> None:
    other = reverse_complement(gene)
    assert reverse_complement_codes(base_codes(gene)).tolist() == base_codes(other).tolist()
    assert reverse_complement_ids(encode(gene)).tolist() == encode(other).tolist()


@given(st.lists(DNA, max_size=5), st.integers(1, 31))
def test_kmers_are_numbers_in_base_four(genes: list[str], k: int) -> None:
    words = [gene[i : i + k] for gene in genes for i in range(len(gene) - k + 1)]
    expected = [int(word.translate(str.maketrans("ACGT", "0123")), 4) for word in words if "N" not in word]
    assert kmers(concatenate_sequences(genes), k).tolist() == expected


def test_the_longest_kmer_fills_64_bits() -> None:
    numbers = kmer_numbers(base_codes("T" * 32), 32)
    assert numbers.dtype == np.uint64
    assert int(numbers[0]) == 4**32 - 1
