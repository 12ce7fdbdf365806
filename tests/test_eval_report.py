"""Tables, plots and reports over results."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evaluated_genes import measurement, results_of

from genelm.eval import (
    LearningCurve,
    Measurement,
    Results,
    best_first,
    headline,
    learning_curve_entry,
    markdown_table,
    read_learning_curve,
    reports_of,
    results_table,
    update_table,
    write_learning_curve,
    write_report,
)
from genelm.eval.reporting.report import check_comparable
from genelm.storage import InputError


def _measurement(task: str, metric: str, value: float, group: str, stratum: str, **changes: Any) -> Measurement:
    interval = None if math.isinf(value) else (value - 0.01, value + 0.02)
    labels: dict[str, Any] = {"task": task, "group": group, "stratum": stratum, "confidence_interval": interval}
    return measurement(metric, value, **{**labels, "n_genes": 1234, "n_bases": 56789, **changes})


def _results(name: str, bits: float = 1.9, split: str = "test", version: int = 1, n_pairs: int = 100) -> Results:
    perplexity = [("all", "all"), ("familiarity", "novel"), ("familiarity", "familiar"), ("gene_type", "tRNA")]
    measurements = [
        *(
            _measurement("perplexity", "bits_per_base", bits, group, stratum, task_version=version)
            for group, stratum in perplexity
        ),
        _measurement("perplexity", "perplexity", 2**bits, "all", "all", task_version=version),
        _measurement("perplexity", "perplexity", 3.25, "all", "all", task_version=version, convention="paper"),
        *(
            _measurement("mutations", metric, accuracy, group, stratum, convention=convention, n_genes=n_pairs)
            for convention, accuracy in (("genelm", 0.75), ("paper", 0.625))
            for metric in ("accuracy_perplexity_rule", "accuracy_probability_rule")
            for group, stratum in (("pairs", "synthetic_1_5_100"), ("max_edits", "5"))
        ),
    ]
    return results_of(measurements, name=name, parameters=1234567, split=split)


def _only(results: Results, task: str) -> Results:
    return replace(results, measurements=results.of(task))


def _table(*results: Results) -> str:
    return results_table(results, reports_of(results))


def _report(*results: Results, folder: Path, **options: Any) -> list[Path]:
    return write_report(results, folder, reports_of(results), **options)


def test_table_has_a_row_a_model_in_both_conventions() -> None:
    ours, papers = _table(_results("lstm"), _results("mle", math.inf)).split("\n\n", 1)
    assert ours.splitlines() == [
        "| model | parameters | bits/base | perplexity | bits/base, novel | bits/base, familiar "
        "| pairwise accuracy (mutations), K = 5 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| lstm | 1,234,567 | 1.900 (1.890–1.920) | 3.732 (3.722–3.752) | 1.900 (1.890–1.920) | 1.900 (1.890–1.920) "
        "| 0.750 (0.740–0.770) |",
        "| mle | 1,234,567 | ∞ | ∞ | ∞ | ∞ | 0.750 (0.740–0.770) |",
    ]
    assert "| lstm | 3.250 (3.240–3.270) | 0.625 (0.615–0.645) |" in papers


def test_a_figure_that_was_not_measured_is_a_dash() -> None:
    table = _table(_results("lstm"), _only(_results("gpt2"), "mutations"))
    assert "| gpt2 | 1,234,567 | – | – | – | – | 0.750 (0.740–0.770) |" in table


def test_report_says_what_was_measured_on_what(tmp_path: Path) -> None:
    written = _report(_results("lstm"), _results("mle", math.inf), folder=tmp_path / "report")
    assert sorted(path.name for path in written) == sorted(path.name for path in (tmp_path / "report").iterdir())
    page = written[1].read_text()
    assert page.startswith("# human_genes: test\n")
    assert "1,234 genes, 56,789 bases" in page
    assert "| tRNA | 1,234 | 56,789 | 1.900 (1.890–1.920) | ∞ |" in page
    assert "| lstm | the paper's | probability rule | 0.625 (0.615–0.645) |" in page
    assert "synthetic_1_5_100 (100 pairs, 56,789 bases)" in page
    assert "(report.png)" in page
    assert written[2].read_bytes().startswith(b"\x89PNG")


def test_figures_of_other_draws_are_not_laid_side_by_side() -> None:
    one, other = _results("lstm"), _results("mle")
    other = replace(other, seed=one.seed + 1)
    check_comparable([one, other], reports_of([one, other]))
    edits = [
        replace(both, measurements=[replace(row, task="edits") for row in both.measurements]) for both in (one, other)
    ]
    with pytest.raises(InputError, match="differ in seed"):
        check_comparable(edits, reports_of(edits))


def test_the_html_page_needs_nothing_beside_it(tmp_path: Path) -> None:
    html = _report(_results("<b>lstm</b>"), _results("mle"), folder=tmp_path)[0].read_text()
    assert "<title>human_genes: test</title>" in html
    assert '<h2 id="bits-per-base-by-gene-type">' in html
    assert '<a href="#bits-per-base-by-gene-type">' in html
    sources = re.findall(r'src="([^"]*)"', html)
    assert len(sources) == 2
    assert all(source.startswith("data:image/svg+xml;base64,PD94") for source in sources)  # <?x
    assert not re.search(r'(?:href|src)="(?!#|data:)', html)
    assert "1.900 (1.890–1.920)</td>" in html
    assert "<b>lstm" not in html


def test_new_tasks_have_their_sections_and_plots(tmp_path: Path) -> None:
    measurements = [
        *(
            _measurement("generation", f"jensen_shannon_{k}", 0.1 * k, "source", source, units="bits")
            for k in (1, 2)
            for source in ("written", "held-out genes", "shuffled genes")
        ),
        _measurement("probing", "linear_balanced_accuracy", 0.5, "gene_type", "all"),
        _measurement("variants", "spearman", 0.25, "all", "all"),
        _measurement("variants", "auroc", 0.75, "kind", "substitution"),
    ]
    names = [path.name for path in _report(results_of(measurements), folder=tmp_path)]
    assert {"spectra.svg", "variants.svg"} < set(names)
    assert "report.png" not in names
    page = (tmp_path / "report.md").read_text()
    assert "| jensen_shannon_2, bits | 0.200 (0.190–0.220) |" in page
    assert "## Probing for gene type" in page
    assert "| all | 1,234 | 0.250 (0.240–0.270) | – |" in page
    assert "## Overview" not in page


def test_variants_compared_with_nothing_have_no_table_and_no_picture(tmp_path: Path) -> None:
    written = _report(results_of([_measurement("variants", "count", 40.0, "scored", "all")]), folder=tmp_path)
    assert {path.name for path in written} == {"report.html", "report.md"}
    assert "## Variants\n\nToo little is known of these variants" in (tmp_path / "report.md").read_text()


def _headline(results: Results) -> list[tuple[str, str]]:
    return headline(results, reports_of([results]))


def test_the_headline_is_what_the_table_says_in_the_same_words() -> None:
    assert _headline(_results("lstm")) == [
        ("model", "lstm"),
        ("parameters", "1,234,567"),
        ("bits/base", "1.900 (1.890–1.920)"),
        ("perplexity", "3.732 (3.722–3.752)"),
        ("bits/base, novel", "1.900 (1.890–1.920)"),
        ("bits/base, familiar", "1.900 (1.890–1.920)"),
        ("pairwise accuracy (mutations), K = 5", "0.750 (0.740–0.770)"),
    ]
    written = [
        _measurement("generation", "length_mean", 300.0, "source", source, units="bases")
        for source in ("written", "held-out genes")
    ]
    probed = [
        _measurement("probing", f"{probe}_balanced_accuracy", 0.4, "gene_type", "all") for probe in ("knn", "chance")
    ]
    assert _headline(results_of([*written, *probed]))[2:] == [
        ("generated: length_mean, bases", "300.000 (299.990–300.020)"),
        ("gene_type, kNN, balanced accuracy", "0.400 (0.390–0.420)"),
        ("gene_type, guessing", "0.400 (0.390–0.420)"),
    ]


def _curve(split: str = "test") -> LearningCurve:
    entries = [
        learning_curve_entry("lstm", fraction, int(100 * fraction), 40_000, _results("lstm", bits))
        for fraction, bits in ((0.1, 1.95), (1.0, 1.9))
    ]
    return LearningCurve(dataset=_results("lstm", split=split).dataset, entries=entries)


def test_a_learning_curve_is_part_of_a_report_on_the_same_genes(tmp_path: Path) -> None:
    write_learning_curve(_curve(), tmp_path)
    curve = read_learning_curve(tmp_path / "learning_curve.json")
    assert curve == _curve()
    written = _report(_results("lstm"), folder=tmp_path / "report", learning_curve=curve)
    assert {"learning_curve.png", "learning_curve.svg"} < {path.name for path in written}
    page = (tmp_path / "report" / "report.md").read_text()
    assert "| lstm | 10 % | 10 | 40,000 | 1.950 | 1.950 | 1.950 |" in page
    assert (tmp_path / "learning_curve.md").read_text() in page
    assert "(learning_curve.png)" in page
    assert len(re.findall('src="data:image', (tmp_path / "report" / "report.html").read_text())) == 3
    with pytest.raises(InputError, match=r"on human_genes cdcdcdcdcdcd, test, and lstm on .*, validation; report"):
        _report(_results("lstm", split="validation"), folder=tmp_path / "other", learning_curve=curve)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", 'has no "format": "genelm-learning-curve"'),
        ('{"format": "genelm-learning-curve", "format_version": 2}', "has format version 2"),
        ('{"format": "genelm-learning-curve", "format_version": 1}', "lacks dataset, entries"),
    ],
)
def test_what_is_no_learning_curve_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "curve.json").write_text(content)
    with pytest.raises(InputError, match=f"curve.json {message}"):
        read_learning_curve(tmp_path / "curve.json")


def test_the_best_model_comes_first() -> None:
    ordered = best_first([_results("b", 1.9), _results("c", math.inf), _results("a", 1.8)])
    assert [one.model.name for one in ordered] == ["a", "b", "c"]


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    one, two = (_report(_results("lstm"), folder=tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_report_over_one_task_leaves_the_other_out(tmp_path: Path) -> None:
    page = _report(_only(_results("lstm"), "perplexity"), folder=tmp_path)[1].read_text()
    assert "## Bits per base by gene type" in page
    assert "## Mutations" not in page


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (_results("gpt2", split="validation"), r"lstm and gpt2 differ in split \(test; validation\)"),
        (_results("gpt2", version=2), r"version of the task perplexity \(1; 2\)"),
        (_results("gpt2", n_pairs=99), "differ in mutation pairs"),
        (
            replace(_results("gpt2"), dataset=results_of([], dataset="g").dataset),
            "differ in dataset",
        ),
        (_results("lstm"), "The model lstm comes twice"),
    ],
)
def test_figures_that_do_not_mean_the_same_are_not_put_together(tmp_path: Path, other: Results, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _report(_results("lstm"), other, folder=tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_no_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one results file"):
        write_report([], tmp_path, [])


def test_table_in_a_markdown_file_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Title\n<!-- results:start -->\nold\n<!-- results:end -->\nMore.\n")
    update_table(page, "| a |\n")
    update_table(page, "| b |\n")
    assert page.read_text() == "# Title\n<!-- results:start -->\n| b |\n<!-- results:end -->\nMore.\n"


@pytest.mark.parametrize("text", ["", "<!-- results:end -->\n<!-- results:start -->", "<!-- results:start -->"])
def test_a_markdown_file_without_a_place_for_the_table_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(InputError, match="must have the lines"):
        update_table(page, "| a |")
    assert page.read_text() == text


def test_names_do_not_break_a_table() -> None:
    rows = markdown_table(["gi|1|ref\nx"], [("name", str), ("number", lambda _: "1")]).splitlines()
    assert rows[2] == r"| gi\|1\|ref x | 1 |"
