"""The task "variants": files, windows, the ratio of likelihoods, and what it is compared with."""

import gzip
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from genelm.eval import MeasuredModel, evaluate_variants, score_genes
from genelm.eval.variants.variant_effects import _kind, measure_variants, score_variants
from genelm.eval.variants.variant_files import Variant, read_variants
from genelm.eval.variants.variant_windows import make_windows
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM
from genelm.storage import InputError
from genelm.tokenization import encode, reverse_complement

torch = pytest.importorskip("torch")

GENOME = "ACGTTGCAAC" * 4
"""One sequence of 40 bases."""


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "g.fa"
    path.write_text(f">chr1 made up\n{GENOME[:25]}\n{GENOME[25:].lower()}\n")
    return path


@pytest.fixture
def bigram() -> GeneNGramForCausalLM:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2))
    model.count(torch.from_numpy(encode(gene)) for gene in ("ACGTTGCAACGT", "GGCATTTACG"))
    return model


def _read(path: Path, dropped: Counter[str] | None = None, **options) -> list[Variant]:
    options = {"columns": {}, "zero_based": False} | options
    return list(read_variants(path, dropped=Counter() if dropped is None else dropped, **options))


def _variant(
    position: int, ref: str, alt: str, effect: float = math.nan, label: str = "", contig: str = ""
) -> Variant:
    return Variant(contig, position, ref, alt, effect, label, f"line {position}")


def test_a_table_is_read_by_its_own_names_for_things(tmp_path: Path) -> None:
    path = tmp_path / "v.tsv.gz"
    text = "\ufeffelement\tpos0\tref\talt\tlog2\nchr1\t0\ta\tC\t-0.5\nchr1\t4\tT\t-\t\nchr1\t4\tT\t<DEL>\t1\n"
    path.write_bytes(gzip.compress(text.encode()))
    dropped: Counter[str] = Counter()
    columns = {"contig": "element", "position": "pos0", "effect": "log2"}
    first, second = _read(path, dropped, columns=columns, zero_based=True)
    assert (first.contig, first.position, first.ref, first.alt, first.effect) == ("chr1", 1, "A", "C", -0.5)
    assert (second.position, second.ref, second.alt, math.isnan(second.effect)) == (5, "T", "", True)
    assert dropped == {"allele_without_bases": 1}


def test_vcf_gives_each_allele_and_its_info(tmp_path: Path) -> None:
    path = tmp_path / "v.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
        '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="class">\n'
        '##INFO=<ID=E,Number=1,Type=Float,Description="effect">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "chr1\t3\t.\tG\tA,GT,<DEL>\t.\t.\tCLNSIG=Benign\nchr1\t9\t.\tAC\tA\t.\t.\tE=0.25\n"
    )
    dropped: Counter[str] = Counter()
    read = _read(path, dropped, columns={"label": "CLNSIG", "effect": "E"})
    assert [(v.position, v.ref, v.alt, v.label) for v in read] == [
        (3, "G", "A", "Benign"),
        (3, "G", "GT", "Benign"),
        (9, "AC", "A", ""),
    ]
    assert read[2].effect == 0.25
    assert dropped == {"allele_without_bases": 1}
    with pytest.raises(InputError, match="has no INFO field SCORE; it has CLNSIG, E"):
        _read(path, columns={"effect": "SCORE"})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "v.tsv",
            "position\tref\n1\tA\n",
            "has no column alt .* found: position, ref; name it",
        ),
        ("v.tsv", "position\tref\talt\nx\tA\tC\n", "line 2, has the position 'x'"),
        ("v.tsv", "position\tref\talt\n1\tA\n", "line 2, has a blank allele; write bases, or - for none"),
        ("v.csv", 'position,ref,alt,label\n1,A,C,"open\n2,A,C,x\n', "is not a table that can be read"),
        ("v.csv", "position,ref,alt,effect\n1,A,C,big\n", "line 2, has 'big' as effect; a number is expected"),
        ("v.vcf", "nothing\n", "is not VCF that can be read"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        _read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_windows_hold_either_allele_in_its_surroundings(reference: Path) -> None:
    variants = [
        _variant(20, "C", "T"),
        _variant(1, "AC", "A", contig="chr1"),
        _variant(40, "C", "CGG"),
        _variant(30, "", "GG"),
    ]
    snv, deletion, insertion, pure = make_windows(iter(variants), reference, window=10, dropped=Counter())
    assert (snv.ref, snv.alt) == (GENOME[14:24], GENOME[14:19] + "T" + GENOME[20:24])
    assert (deletion.ref, deletion.alt) == (GENOME[:10], "A" + GENOME[2:10])
    assert insertion.alt == GENOME[34:40] + "GG"
    assert pure.alt == GENOME[24:29] + "GG" + GENOME[29:34]
    assert snv.variant.contig == "chr1"
    dropped: Counter[str] = Counter()
    assert len(make_windows(iter(variants), reference, window=10, dropped=dropped, longest=11)) == 3
    assert dropped == {"too_long": 1}  # what is inserted does not fit into what the model reads


def test_a_sequence_is_known_by_either_of_its_names(reference: Path) -> None:
    (window,) = make_windows(iter([_variant(1, "A", "C", contig="1")]), reference, window=10, dropped=Counter())
    assert window.variant.contig == "chr1"


def test_vcf_of_ordinary_gzip_is_read_without_a_word_of_others(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    rows = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t3\t.\tG\tA\t.\t.\t.\n"
    (tmp_path / "v.vcf.gz").write_bytes(gzip.compress(rows.encode()))
    (found,) = _read(tmp_path / "v.vcf.gz", Counter())
    assert (found.contig, found.position, found.ref, found.alt) == ("chr1", 3, "G", "A")
    assert capfd.readouterr().err == ""


def test_each_allele_has_its_own_value_where_the_header_says_so(tmp_path: Path) -> None:
    path = tmp_path / "v.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
        '##INFO=<ID=E,Number=A,Type=Float,Description="effect">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "chr1\t3\t.\tG\tA,T,N\t.\t.\tE=0.5,-0.25,1\nchr1\t4\t.\tG\t.\t.\t.\t.\n"
    )
    dropped: Counter[str] = Counter()
    assert [(v.alt, v.effect) for v in _read(path, dropped, columns={"effect": "E"})] == [("A", 0.5), ("T", -0.25)]
    assert dropped == {"allele_without_bases": 1, "no_alternative_allele": 1}
    table = tmp_path / "v.tsv"
    table.write_text("position\tref\talt\tlabel\n3\tG\tA,T\tbad\n")
    assert [variant.alt for variant in _read(table)] == ["A", "T"]
    table.write_text("position\tref\talt\teffect\n3\tG\tA,T\t1\n")
    with pytest.raises(InputError, match="line 2, has an effect for several alleles"):
        _read(table)
    path.write_text(path.read_text().replace("Number=A", "Number=1").replace("E=0.5,-0.25,1", "E=0.5"))
    with pytest.raises(InputError, match=r"record 1, has an effect for several alleles \(A,T,N\)"):
        _read(path, columns={"effect": "E"})


def test_a_quote_in_tab_separated_text_is_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "v.tsv"
    path.write_text('position\tref\talt\tlabel\n1\tA\tC\t"5 prime\n2\tA\tC\tx\n3\tA\t.\tx\n4\tA\t-\t"y"\n')
    dropped: Counter[str] = Counter()
    read = [(variant.alt, variant.label) for variant in _read(path, dropped)]
    assert read == [("C", '"5 prime'), ("C", "x"), ("", '"y"')]
    assert dropped == {"no_alternative_allele": 1}


def test_alleles_that_are_not_there_are_counted_up_to_one_percent(reference: Path) -> None:
    right = [_variant(1 + i % 40, GENOME[i % 40], "ACGT"["CGTA".index(GENOME[i % 40])]) for i in range(99)]
    dropped: Counter[str] = Counter()
    assert len(make_windows(iter([*right, _variant(1, "G", "T")]), reference, window=10, dropped=dropped)) == 99
    assert dropped == {"reference_mismatch": 1}
    with pytest.raises(InputError, match=r"2 of 101 variants have .* first line 1 \(G, there is A\)"):
        wrong = [_variant(1, "G", "T"), _variant(2, "A", "T")]
        make_windows(iter([*right, *wrong]), reference, window=10, dropped=Counter())


def test_what_does_not_belong_together_is_refused(reference: Path) -> None:
    for variant, message in (
        (_variant(41, "A", "C"), "is at 41 of chr1, which has 40 bases"),
        (_variant(0, "A", "C"), "is at 0 of chr1"),
        (
            _variant(1, "A", "C", contig="chrX"),
            r"1 of 1 variants are on sequences that .*\(chrX\); its",
        ),
        (_variant(1, "A", "A"), "No variant is left to score; dropped: 1 no_change"),
    ):
        with pytest.raises(InputError, match=message):
            make_windows(iter([variant]), reference, window=10, dropped=Counter())


def test_the_ratio_is_that_of_the_two_windows(reference: Path, bigram: GeneNGramForCausalLM) -> None:
    windows = make_windows(
        iter([_variant(20, "C", "T"), _variant(10, "C", "CA")]), reference, window=16, dropped=Counter()
    )
    one, both = (score_variants(bigram, windows, both_strands=strands) for strands in (False, True))
    for i, window in enumerate(windows):
        by_strand = []
        for strand in (str, reverse_complement):
            scores = score_genes(bigram, [strand(window.alt), strand(window.ref)])
            alt, ref = scores.n_bases * math.log(4) - scores.base_nats
            by_strand.append(alt - ref)
        assert one[i] == pytest.approx(by_strand[0])
        assert both[i] == pytest.approx(np.mean(by_strand))


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [("A", "C", "substitution"), ("A", "AG", "insertion"), ("A", "GA", "insertion"), ("", "G", "insertion"),
     ("GGT", "T", "deletion"), ("T", "", "deletion"), ("AC", "GTT", "other")],
)  # fmt: skip
def test_the_kinds_of_variants(ref: str, alt: str, kind: str) -> None:
    assert _kind(_variant(1, ref, alt)) == kind


def test_planted_effects_and_labels_are_found(reference: Path) -> None:
    variants = [
        _variant(1 + i, GENOME[i], "ACGT"["CGTA".index(GENOME[i])], effect=float(i), label="bad" if i < 20 else "good")
        for i in range(40)
    ]
    windows = make_windows(iter(variants), reference, window=8, dropped=Counter())
    options = {"positive": ["bad"], "negative": ["good"], "seed": 0}
    rows = measure_variants(windows, np.arange(40.0), **options)
    found = {(row.metric, row.group, row.stratum): row for row in rows}
    assert found["spearman", "all", "all"].value == pytest.approx(1)
    assert found["spearman_size", "all", "all"].value == pytest.approx(-1)
    assert found["auroc", "all", "all"].value == 1
    assert found["auroc", "kind", "substitution"].confidence_interval == (1, 1)
    # A model that finds all variants alike guesses, and has no rank to correlate.
    same = measure_variants(windows, np.zeros(40), **options)
    assert {row.value for row in same if row.metric == "auroc"} == {0.5}
    assert not any(row.metric.startswith("spearman") for row in same)


def test_from_files_to_results(reference: Path, bigram: GeneNGramForCausalLM, tmp_path: Path) -> None:
    rows = [f"{i + 1}\t{GENOME[i]}\t{'ACGT'['CGTA'.index(GENOME[i])]}\t{i % 7}" for i in range(40)]
    (tmp_path / "mpra.tsv").write_text("\n".join(["position\tref\talt\teffect", *rows]) + "\n")
    info = MeasuredModel(name="bigram", model_type="gene_ngram", parameters=0, fingerprint="ab")
    options = {"variants": tmp_path / "mpra.tsv", "reference": reference, "columns": {}, "window": 12}
    results = evaluate_variants(
        bigram,
        measured_model=info,
        command="a test",
        variant_scores=tmp_path / "scores.tsv",
        both_strands=True,
        **options,
    )
    assert results.dataset.name == "mpra"
    assert not any(row.group == "left out" for row in results.measurements)
    assert results.dataset.split == "windows of 12, both strands"
    assert {row.metric for row in results.measurements} == {"spearman", "spearman_size", "count"}
    header, first, *others = (tmp_path / "scores.tsv").read_text().splitlines()
    assert header == "contig\tposition\tref\talt\tscore\teffect\tlabel"
    assert first.split("\t")[:4] == ["chr1", "1", "A", "T"]
    assert len(others) == 39
    told = evaluate_variants(bigram, measured_model=info, command="a test", positive=["bad"], **options)
    assert told.dataset.fingerprint != results.dataset.fingerprint  # another question to the same files


def test_variants_of_which_nothing_is_known_are_scored(
    reference: Path, bigram: GeneNGramForCausalLM, tmp_path: Path
) -> None:
    rows = [f"{i + 1}\t{GENOME[i]}\t{'ACGT'['CGTA'.index(GENOME[i])]}\t{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "mine.tsv").write_text("\n".join(["position\tref\talt\tclass", *rows, "1\tA\tN\ta"]) + "\n")
    info = MeasuredModel(name="bigram", model_type="gene_ngram", parameters=0, fingerprint="ab")
    options = {"measured_model": info, "variants": tmp_path / "mine.tsv", "reference": reference, "command": "a test"}
    results = evaluate_variants(bigram, columns={}, variant_scores=tmp_path / "scores.tsv", **options)
    assert [(row.metric, row.group, row.stratum, row.value) for row in results.measurements] == [
        ("count", "scored", "all", 40),
        ("count", "left out", "allele_without_bases", 1),
    ]
    assert len((tmp_path / "scores.tsv").read_text().splitlines()) == 41
    for labels, named in (([], r"\(none is named\)"), (["c"], "c")):
        with pytest.raises(InputError, match=f"one of the labels {named}; its labels are a .20., b .20.: name those"):
            evaluate_variants(bigram, columns={"label": "class"}, positive=labels, **options)
    with pytest.raises(InputError, match=r"its labels are none: name those .* or the column of effects"):
        (tmp_path / "v.tsv").write_text("position\tref\talt\tbeta\n1\tA\tC\tNA\n")
        evaluate_variants(bigram, columns={"effect": "beta"}, **options | {"variants": tmp_path / "v.tsv"})
    some = evaluate_variants(bigram, columns={"label": "class"}, positive=["a"], negative=["c"], **options)
    assert {row.stratum: row.value for row in some.measurements if row.group == "left out"} == {
        "allele_without_bases": 1,
        "no_effect_or_label": 20,
    }
