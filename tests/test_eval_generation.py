"""The task "generation": figures worked out by hand, copies that must be seen, and genes of the same kind."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from evaluated_genes import genes_of
from hypothesis import given, settings
from hypothesis import strategies as st

from genelm.eval import EvaluatedGenes, Measurement, TaskInput
from genelm.eval.sequences import codon_counts, longest_homopolymers, longest_matches, longest_reading_frames
from genelm.eval.sequences.structure import MIN_CODONS
from genelm.eval.statistics import jensen_shannon
from genelm.eval.tasks import Generation
from genelm.eval.tasks.generation import GENERATED, HELD_OUT, SHUFFLED
from genelm.storage import InputError
from genelm.tokenization import concatenate_sequences, kmers, reverse_complement

PART_BASES = "genelm.eval.sequences.match_lengths.PART_BASES"


def _genes(n_genes: int, seed: int) -> list[str]:
    """Make genes of 100 to 299 bases in which a base often follows itself, and G hardly follows C."""
    generator = np.random.default_rng(seed)
    after = {"A": [4, 2, 2, 2], "C": [3, 4, 0.2, 2.8], "G": [3, 2, 3, 2], "T": [2, 2, 2, 4]}
    steps = {letter: np.cumsum(tenths) / 10 for letter, tenths in after.items()}
    genes = []
    for length in generator.integers(100, 300, size=n_genes):
        letters = "A"
        for chance in generator.random(length - 1):
            letters += "ACGT"[int(np.searchsorted(steps[letters[-1]], chance))]
        genes.append(letters)
    return genes


REAL, TRAINING = _genes(80, seed=0), _genes(40, seed=1)
WRITTEN_ALIKE = _genes(40, seed=2)


def _measure(
    written: list[str],
    held_out: list[str] = REAL,
    training: list[str] = TRAINING,
    coding: list[bool] | None = None,
    seed: int = 0,
) -> list[Measurement]:
    genes = _held_out(held_out, [True] * len(held_out) if coding is None else coding)
    return _measure_genes(written, [True] * len(written), genes, training, seed)


def _held_out(sequences: list[str], coding: list[bool], clusters: list[str] | None = None) -> EvaluatedGenes:
    names = clusters or [str(i) for i in range(len(sequences))]
    return genes_of(sequences, clusters=names, types=["PROTEIN_CODING" if codes else "ncRNA" for codes in coding])


def _measure_genes(
    generated: list[str], ended: list[bool], held_out: EvaluatedGenes, training: list[str], seed: int = 0
) -> list[Measurement]:
    thresholds = {"identity": 0.8, "coverage": 0.5}
    task = Generation()
    return list(task.measure_genes(generated, ended, held_out=held_out, training=training, **thresholds, seed=seed))


def _values(measurements: list[Measurement], source: str) -> dict[str, float]:
    return {m.metric: m.value for m in measurements if m.stratum == source}


def test_jensen_shannon_worked_by_hand() -> None:
    assert jensen_shannon([3, 0], [0, 1]) == 1
    assert jensen_shannon([1, 2, 0], [10, 20, 0]) == 0
    # Against the middle (3/4, 1/4): log2(4/3) of one, (log2(2/3) + log2(2)) / 2 of the other.
    assert jensen_shannon([5, 0], [1, 1]) == pytest.approx((math.log2(4 / 3) + (math.log2(2 / 3) + 1) / 2) / 2)


def test_kmers_are_numbered_in_the_order_of_the_alphabet_and_keep_to_their_gene() -> None:
    words = ["".join(letters) for letters in product("ACGT", repeat=3)]
    assert kmers(concatenate_sequences(words), 3).tolist() == list(range(64))
    assert kmers(concatenate_sequences(["CAT", "NGCN", "A", "", "TNT"]), 2).tolist() == [4, 3, 9]  # CA, AT, GC


def test_homopolymers_end_with_the_gene_and_at_an_unknown_base() -> None:
    genes = ["AACCCGN", "NNNN", "", "ACGT", "TTNTTT", "CAA", "AAC"]
    assert longest_homopolymers(concatenate_sequences(genes)).tolist() == [3, 0, 0, 1, 3, 2, 2]


def test_reading_frames_worked_by_hand() -> None:
    genes = {
        "CCATGAAATAGC": (2, 9),
        "ATGATGTGA": (0, 9),  # the first start counts
        "ATGTAAATGTAG": (0, 6),  # the first of two
        "ATGTAACATGCCCTAA": (7, 9),  # the longer of two, in another frame
        "ATGAAAAAA": (0, 0),  # no stop
        "ATGATAGTAA": (0, 0),  # both stops are out of frame
        "ATGNAATAA": (0, 0),
        "ATGAAA": (0, 0),  # and the stop of the next gene is not its own
        "TAA": (0, 0),
        "": (0, 0),
    }
    begins, bases = longest_reading_frames(concatenate_sequences(list(genes)))
    gene_begins = np.cumsum([0, *(len(gene) + 1 for gene in genes)])[:-1]
    found = [(int(b - g) if n else 0, int(n)) for b, g, n in zip(begins, gene_begins, bases, strict=True)]
    assert found == list(genes.values())


def test_codons_are_counted_of_reading_frames_that_are_long_enough() -> None:
    long, short = ("CATG" + "AAC" * (n - 2) + "TAAGG" for n in (MIN_CODONS, MIN_CODONS - 1))
    counts = codon_counts(concatenate_sequences([short, long, "ACGT", "C" + long]))
    assert {i: int(counts[i]) for i in np.flatnonzero(counts)} == {0b001110: 2, 0b000001: 2 * (MIN_CODONS - 2)}
    assert not codon_counts(concatenate_sequences([short])).any()


def test_longest_matches_worked_by_hand() -> None:
    training = ["AACCGGTTT", "GATTACA"]  # of the other strand: AAACCGGTT and TGTAATC
    genes = ["GGGATTACC", "GTAATG", "AAACCGGTTT", "NNN", "", "GATNACA", "TTTGATT", "C"]
    # GATTAC; GTAAT on the other strand; nine letters on either; no base; no letter; ACA; GATT, as TTTGATT would run
    # from one training gene into the next; C.
    assert longest_matches(genes, training).tolist() == [6, 5, 9, 0, 0, 3, 4, 1]
    assert longest_matches(genes, []).tolist() == [0] * 8


def _longest_match(gene: str, training: list[str]) -> int:
    strands = [strand for known in training for strand in (known, reverse_complement(known))]
    longest = 0
    for end in range(1, len(gene) + 1):
        part = gene[end - longest - 1 : end]  # only a longer one is of interest
        while part and ("N" in part or not any(part in strand for strand in strands)):
            part = part[1:]
        longest = max(longest, len(part))
    return longest


_short_genes = st.lists(st.text("ACGTN", max_size=12), min_size=1, max_size=5)
_repeats = st.lists(st.tuples(st.sampled_from(["A", "AC", "ACG", "N"]), st.integers(0, 25)), max_size=3).map(
    lambda parts: "".join(unit * number for unit, number in parts)
)


@settings(max_examples=60)
@given(
    st.one_of(_short_genes, st.lists(_repeats, min_size=1, max_size=3)),
    st.one_of(_short_genes, st.lists(_repeats, min_size=1, max_size=3)),
    st.integers(1, 60),
)
def test_longest_matches_are_those_of_a_search_by_brute_force(
    genes: list[str], training: list[str], part_bases: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PART_BASES, part_bases)
        assert longest_matches(genes, training).tolist() == [_longest_match(gene, training) for gene in genes]


@pytest.mark.parametrize("part_bases", [400, 1 << 20])
def test_long_matches_within_other_letters(monkeypatch: pytest.MonkeyPatch, part_bases: int) -> None:
    monkeypatch.setattr(PART_BASES, part_bases)
    generator = np.random.default_rng(2)
    genes, expected = [], []
    for number, known in enumerate(TRAINING):
        first, size = int(generator.integers(0, 40)), int(generator.integers(30, 61))
        part = known[first : first + size]
        before, after = (known[first - 1] if first else "N"), known[first + size]
        others = [
            "ACGT"[("ACGT".find(letter) + 1) % 4] for letter in (before, after)
        ]  # so that the match does not go on
        gene = others[0] + part + others[1]
        genes.append(reverse_complement(gene) if number % 2 else gene)
        expected.append(size)
    assert longest_matches(genes, TRAINING).tolist() == expected


def test_figures_worked_by_hand() -> None:
    written, held_out = ["ACGT", "CGCG"], ["AACG"] * 4  # equal ones, so that it does not matter which are drawn
    genes = _held_out(held_out, [True] * 4, list("abcd"))
    measurements = _measure_genes(written, [True, False], genes, ["TTTCGT"])
    log = math.log2
    ours = (log(1 / 2.5) + 6 * log(3 / 2.5) + log(1 / 0.5)) / 8  # (1, 3, 3, 1) / 8 against (2.5, 2.5, 2.5, 0.5) / 8
    theirs = (4 * log(4 / 2.5) + 4 * log(2 / 2.5)) / 8
    assert _values(measurements, GENERATED) == pytest.approx(
        {
            "ended": 0.5,
            "gc": 6 / 8,
            "cpg": 3 / (6 * (3 / 8) * (3 / 8)),
            "length_mean": 4,
            "length_distance": 0,
            "longest_homopolymer_mean": 1,
            "homopolymer_distance": 1,
            "orf_mean": 0,
            "in_training_24_mers": 0,
            "longest_match_mean": (3 + 2) / 2,  # ACG on the other strand or CGT; CG
            "longest_match_max": 3,
            "similar_to_training": 0,
            "jensen_shannon_1": (ours + theirs) / 2,
            # AC, 3 CG, GC, GT against AA, AC, CG: CG is 1/2 and 1/3, AC 1/6 and 1/3.
            "jensen_shannon_2": (3 * log(3 / 2.5) + log(1 / 1.5) + 2) / 12
            + (2 * log(2 / 2.5) + 2 * log(2 / 1.5) + 2) / 12,
            # ACG, CGT, CGC, GCG against AAC, ACG: ACG is 1/4 and 1/2.
            "jensen_shannon_3": (log(2 / 3) + 3) / 8 + (log(4 / 3) + 1) / 4,
            "jensen_shannon_4": 1,
        }
    )
    reference = _values(measurements, HELD_OUT)
    assert {reference[f"jensen_shannon_{k}"] for k in (1, 2, 3, 4)} == {0}
    assert (reference["gc"], reference["homopolymer_distance"], reference["longest_match_max"]) == (0.5, 0, 3)
    assert "ended" not in reference
    assert _values(measurements, SHUFFLED)["jensen_shannon_1"] == 0
    assert {(m.task, m.group, m.n_genes, m.n_bases) for m in measurements} == {("generation", "source", 2, 8)}


def test_reading_frames_and_diversity_in_the_figures() -> None:
    frame = "ATG" + "GCC" * (MIN_CODONS - 2) + "TAA"
    values = _values(_measure([frame, frame + "C" * len(frame)], held_out=[frame] * 4), GENERATED)
    assert values["orf_mean"] == (1 + 1 / 2) / 2
    assert values["codon_distance"] == 0
    assert _values(_measure(["ACGTTGCATCAGGA"], [("ACGTTGCATCAGGA")] * 4), GENERATED)["distinct_12_mers"] == 1
    assert _values(_measure(["A" * 13 + "C"], ["A" * 13 + "C"] * 4), GENERATED)["distinct_12_mers"] == 1 / 3


def test_codon_usage_is_measured_against_coding_genes_alone() -> None:
    one, other = ("ATG" + codon * (MIN_CODONS - 2) + "TAA" for codon in ("GCC", "AAA"))
    for coding, distance in (([True] * 8, 0.0), ([False] * 8, None)):
        measurements = _measure([one], [one] * 8, coding=coding)
        assert _values(measurements, GENERATED).get("codon_distance") == distance
    held_out, coding = [one, other] * 20, [True, False] * 20
    measurements = _measure([one], held_out, coding=coding)
    assert _values(measurements, GENERATED)["codon_distance"] == 0


def test_genes_of_the_same_kind_score_like_held_out_ones_and_others_do_not() -> None:
    same = _measure(WRITTEN_ALIKE)
    ours, reference, shuffled = (_values(same, source) for source in (GENERATED, HELD_OUT, SHUFFLED))
    for k in (2, 3, 4, 5, 6):
        metric = f"jensen_shannon_{k}"
        assert ours[metric] == pytest.approx(reference[metric], rel=0.25, abs=1e-3)
        assert ours[metric] < shuffled[metric] / 1.5
    assert ours["cpg"] == pytest.approx(reference["cpg"], abs=0.1)
    assert shuffled["cpg"] == pytest.approx(1, abs=0.1)
    assert shuffled["length_distance"] == reference["length_distance"]
    uniform = ["".join(np.random.default_rng(i).choice(list("ACGT"), size=600)) for i in range(40)]
    other = _values(_measure(uniform), GENERATED)
    assert other["jensen_shannon_3"] > 5 * reference["jensen_shannon_3"]
    assert other["length_distance"] > 300


def test_copies_of_training_genes_are_seen_on_either_strand() -> None:
    for copies in (TRAINING, [reverse_complement(gene) for gene in TRAINING]):
        measurements = _measure(copies)
        values = _values(measurements, GENERATED)
        assert values["in_training_24_mers"] == 1
        assert values["longest_match_mean"] == pytest.approx(values["length_mean"])
        assert values["longest_match_max"] == max(map(len, TRAINING))
        assert values["similar_to_training"] == 1
        assert _values(measurements, HELD_OUT)["similar_to_training"] == 0
        assert _values(measurements, HELD_OUT)["longest_match_mean"] < 20


def test_relatives_of_training_genes_are_seen_where_no_24_mer_is_shared() -> None:
    letters = [[*gene] for gene in TRAINING]
    for gene in letters:
        for place in range(0, len(gene), 12):
            gene[place] = {"A": "C", "C": "G", "G": "T", "T": "A"}[gene[place]]
    values = _values(_measure(["".join(gene) for gene in letters]), GENERATED)
    assert values["in_training_24_mers"] == 0
    assert values["similar_to_training"] == 1


@pytest.mark.parametrize(("n_written", "n_genes"), [(15, 15), (60, 40)])
def test_every_source_has_as_many_genes_and_the_reference_does_not_depend_on_what_is_written(
    n_written: int, n_genes: int
) -> None:
    first, second = (_measure([letter * 300 for _ in range(n_written)]) for letter in "AC")
    assert {m.n_genes for m in first} == {n_genes}
    for source in (HELD_OUT, SHUFFLED):
        assert _values(first, source) == _values(second, source)


def test_figures_are_a_function_of_the_seed() -> None:
    first, again, other = (_measure(WRITTEN_ALIKE[:15], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert _values(first, HELD_OUT) != _values(other, HELD_OUT)


def test_spectra_are_over_equally_much_of_every_source() -> None:
    """A tenth of the text has a spectrum further from any other; the held-out row must show that."""
    whole, short = (_measure([gene[:length] for gene in WRITTEN_ALIKE]) for length in (300, 20))
    expected, found = (_values(made, HELD_OUT)["jensen_shannon_6"] for made in (whole, short))
    assert found > 1.5 * expected
    assert _values(short, GENERATED)["jensen_shannon_6"] == pytest.approx(found, rel=0.1)


def test_means_have_an_interval_around_them() -> None:
    with_interval = {m.metric: m for m in _measure(WRITTEN_ALIKE) if m.confidence_interval is not None}
    assert with_interval.keys() == {
        "ended",
        "gc",
        "length_mean",
        "longest_homopolymer_mean",
        "orf_mean",
        "in_training_24_mers",
        "longest_match_mean",
        "similar_to_training",
    }
    for measurement in with_interval.values():
        assert measurement.confidence_interval is not None
        low, high = measurement.confidence_interval
        assert low <= measurement.value <= high


@pytest.mark.parametrize("letters", ["N", "NN", "A", "C" * 40, "CG"])
@pytest.mark.parametrize("held_out", ["N", "", "ACGT" * 10])
def test_what_there_are_too_few_letters_for_is_left_out(letters: str, held_out: str) -> None:
    measurements = _measure([letters, ""], held_out=[held_out] * 4, training=["ACG"])
    values = _values(measurements, GENERATED)
    assert ("gc" in values) == (letters[0] != "N")
    assert ("cpg" in values) == (letters == "CG")
    assert ("jensen_shannon_1" in values) == (letters[0] != "N" and held_out not in ("N", ""))
    assert values["length_mean"] == len(letters) / 2


def test_nothing_written_or_too_few_held_out_genes_are_refused() -> None:
    for nothing in ([], ["", ""]):
        with pytest.raises(InputError, match="The model generated no letter"):
            _measure(nothing)
    with pytest.raises(InputError, match="at least 4 held-out genes, but the split has 3"):
        Generation().check(TaskInput(model=torch.nn.Module(), genes=genes_of(REAL[:3])))


def test_relatives_are_on_one_side_of_the_halves() -> None:
    # Four clusters of equal genes: those beside the reference set have no spectrum in common with it.
    families = [[letter * 20] * 4 for letter in "ACGT"]
    held_out = [gene for family in families for gene in family]
    genes = _held_out(held_out, [False] * 16, [str(i // 4) for i in range(16)])
    measurements = _measure_genes(["ACGT"] * 8, [True] * 8, genes, [])
    assert _values(measurements, HELD_OUT)["jensen_shannon_1"] == 1
