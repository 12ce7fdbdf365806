"""Genes that hold an evaluation gene, or are part of one, are found on both strands; nothing else is."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from genelm.dataset_scripts.similarity.containment import contained
from genelm.tokenization import reverse_complement


def naive(evaluation: list[str], others: list[str]) -> list[bool]:
    def related(gene: str, other: str) -> bool:
        short, long = sorted((gene, other), key=len)
        if len(short) < 24:
            return gene in (other, reverse_complement(other))
        return short in long or reverse_complement(short) in long

    return [any(related(gene, other) for gene in evaluation) for other in others]


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_what_is_found_is_what_a_plain_search_finds(seed):
    draw = random.Random(seed)

    def gene(length: int) -> str:
        return "".join(draw.choices(draw.choice(["A", "AC", "ACGT"]), k=length))

    evaluation = [gene(draw.choice([5, 23, 24, 30, 80])) for _ in range(6)]
    others = [gene(draw.choice([5, 24, 60, 120])) for _ in range(6)]
    for known in evaluation:
        part = known[draw.randint(0, 10) :]
        strand = draw.choice([part, reverse_complement(part)])
        others.append(draw.choice(["", gene(40)]) + strand + draw.choice(["", gene(40)]))
    assert contained(evaluation, others).tolist() == naive(evaluation, others)


def test_an_unknown_base_is_equal_to_none():
    draw = random.Random(0)
    gene = "".join(draw.choices("ACGT", k=60))
    masked = gene[:30] + "N" + gene[31:]
    assert contained([gene], ["CC" + masked, "CC" + gene, masked[31:]]).tolist() == [False, True, True]


def test_genes_with_an_unknown_base_near_their_start_are_found():
    draw = random.Random(0)
    gene = "AC" + "N" + "".join(draw.choices("ACGT", k=60))
    assert contained([gene], ["CC" + gene, reverse_complement(gene) + "A"]).tolist() == [True, True]
    assert contained(["CC" + gene], [gene, reverse_complement(gene)]).tolist() == [True, True]


def test_nothing_is_contained_in_nothing():
    assert contained([], ["ACGT"]).tolist() == [False]
    assert contained(["ACGT"], []).tolist() == []
