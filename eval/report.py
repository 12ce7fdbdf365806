"""A report over results files: one HTML page, Markdown and pictures, and the table of a README kept up to date."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from genelm.dataset_scripts import WORD_LENGTH
from genelm.storage import InputError, atomic_file

from .bootstrap import CONFIDENCE, RESAMPLES
from .comparison import compare_models
from .learning_curve import draw_learning_curve, learning_curve_table
from .page import render_page
from .picture import draw_gene_types, draw_overview, draw_spectra, draw_variants
from .results import find_measurement
from .tables import (
    comparison_table,
    edits_table,
    familiarity_table,
    gene_type_table,
    generation_table,
    has_compared_variants,
    length_table,
    mutation_table,
    probed_labels,
    probing_table,
    results_table,
    variant_table,
)

_PICTURES: dict[str, tuple[Callable[[Sequence[dict[str, Any]], Sequence[Path]], None], tuple[str, ...]]] = {
    "report": (draw_overview, ("perplexity", "edits", "mutations")),
    "gene_types": (draw_gene_types, ("perplexity",)),
    "spectra": (draw_spectra, ("generation",)),
    "variants": (draw_variants, ("variants",)),
}
"""Name of a picture -> what draws it, and the tasks it shows."""


def write_report(
    results: Sequence[dict[str, Any]],
    folder: Path,
    *,
    gene_tables: Mapping[str, pa.Table] | None = None,
    learning_curve: dict[str, Any] | None = None,
) -> list[Path]:
    """Write `report.html`, which needs nothing beside it, the same as `report.md`, and its pictures as PNG and SVG.

    Args:
        results: one object a model, in the order of the rows.
        folder: where to; it is made if need be.
        gene_tables: name of a model -> what each gene costs under it, where that is known; two and more are compared.
        learning_curve: as `read_learning_curve` returns it, of the dataset and split of the results.

    Returns:
        The files written.

    Raises:
        InputError: the results cannot stand in one table, see `check_comparable`, or the learning curve is of other
            genes.
    """
    check_comparable(results)
    if learning_curve is not None:
        _check_curve(results[0], learning_curve)
    drawn: dict[str, Path] = {}
    for name, (draw, tasks) in _PICTURES.items():
        if any(_rows(result, task) for result in results for task in tasks) and (
            name != "variants" or has_compared_variants(results)
        ):
            draw(results, [folder / f"{name}.png", folder / f"{name}.svg"])
            drawn[f"{name}.png"] = folder / f"{name}.svg"
    if learning_curve is not None:
        drawn["learning_curve.png"] = folder / "learning_curve.svg"
        draw_learning_curve(learning_curve, _both(folder, "learning_curve.png"))
    text = _page(results, gene_tables or {}, learning_curve)
    for path, content in ((folder / "report.md", text), (folder / "report.html", render_page(text, drawn))):
        with atomic_file(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return [folder / "report.html", folder / "report.md", *(path for png in drawn for path in _both(folder, png))]


def check_comparable(results: Sequence[dict[str, Any]]) -> None:
    """Refuse results whose figures do not mean the same.

    Raises:
        InputError: there are no results, a model comes twice, or the results differ in dataset, split, version of a
            task or the mutation pairs used.
    """
    if not results:
        raise InputError("A report needs at least one results file, but none was given.")
    _check_same("dataset", results, [f"{r['dataset']['name']} {r['dataset']['fingerprint'][:12]}" for r in results])
    _check_same("split", results, [r["dataset"]["split"] for r in results])
    names = [result["model"]["name"] for result in results]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        commands = " and ".join(f"`{r['command']}`" for r in results if r["model"]["name"] == repeated[0])
        raise InputError(
            f"The model {repeated[0]} comes twice, in the results of {commands}; leave one of them out, or evaluate a "
            "model whose folder has another name."
        )
    for task in dict.fromkeys(row["task"] for result in results for row in result["measurements"]):
        having = [result for result in results if _rows(result, task)]
        versions = [str(_rows(result, task)[0]["task_version"]) for result in having]
        _check_same(f"version of the task {task}", having, versions)
    drawn = [result for result in results if any(_rows(result, task) for task in ("edits", "generation", "probing"))]
    _check_same("seed", drawn, [str(result["seed"]) for result in drawn])
    having = [result for result in results if _rows(result, "mutations")]
    _check_same("mutation pairs", having, [_pairs(result) for result in having])


def best_first(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order results by bits per base, fewest first; those without come last, in the order given.

    Behind all others come models that were trained on another dataset, which may have the genes they are measured on.
    """

    def place(result: dict[str, Any]) -> tuple[bool, float]:
        own = result["dataset"]["fingerprint"]
        row = find_measurement(result, task="perplexity", metric="bits_per_base")
        return result["model"].get("trained_on", own) != own, math.inf if row is None else float(row["value"])

    return sorted(results, key=place)


def table_marks(name: str) -> tuple[str, str]:
    """Return the two lines of a Markdown file between which a table is rendered."""
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def update_table(markdown_file: Path, table: str, *, name: str = "results") -> None:
    """Replace what stands between the lines `<!-- NAME:start -->` and `<!-- NAME:end -->` of a Markdown file.

    Raises:
        InputError: the file cannot be read, or does not have each of the two lines once, in this order.
    """
    try:
        text = markdown_file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{markdown_file} cannot be read ({error.strerror}); give a Markdown file.") from None
    start, end = table_marks(name)
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    if text.count(start) != 1 or text.count(end) != 1 or end not in rest:
        raise InputError(f"{markdown_file} must have the lines {start} and {end} once, in this order; add them.")
    with atomic_file(markdown_file) as temporary:
        temporary.write_text(f"{before}{start}\n{table.strip()}\n{end}{after}", encoding="utf-8")


def _check_same(what: str, results: Sequence[dict[str, Any]], values: Sequence[str]) -> None:
    """Refuse results of which one has another value than the first."""
    for result, value in zip(results, values, strict=True):
        if value != values[0]:
            raise InputError(
                f"{results[0]['model']['name']} and {result['model']['name']} differ in {what} "
                f"({values[0]}; {value}); evaluate both alike, or report them apart."
            )


def _check_curve(result: dict[str, Any], curve: dict[str, Any]) -> None:
    """Refuse a learning curve that was not measured on the genes of the results."""
    measured_on, of_results = (
        f"{one['name']} {one['fingerprint'][:12]}, {one['split']}" for one in (curve["dataset"], result["dataset"])
    )
    if measured_on != of_results:
        raise InputError(
            f"The learning curve was measured on {measured_on}, and {result['model']['name']} on {of_results}; report "
            "them apart."
        )


def _rows(result: dict[str, Any], task: str) -> list[dict[str, Any]]:
    return [row for row in result["measurements"] if row["task"] == task]


def _pairs(result: dict[str, Any]) -> str:
    """Name the sets of pairs with their size, by which two models are known to have had the same."""
    sets = [
        f"{row['stratum']} ({row['n_genes']:,} pairs, {row['n_bases']:,} bases)"
        for row in _rows(result, "mutations")
        if row["group"] == "pairs"
    ]
    return ", ".join(dict.fromkeys(sets))


def _page(
    results: Sequence[dict[str, Any]], gene_tables: Mapping[str, pa.Table], learning_curve: dict[str, Any] | None
) -> str:
    """Render the whole report as Markdown; a section whose task no model was measured on is left out."""
    dataset = results[0]["dataset"]
    measured = {row["task"] for result in results for row in result["measurements"]}
    parts = [
        f"# {dataset['name']}: {dataset['split']}",
        f"Dataset fingerprint `{dataset['fingerprint']}`. {_size(results)}In brackets: {CONFIDENCE:.0%} bootstrap "
        "intervals.",
    ]
    if measured & {"perplexity", "edits", "mutations"}:
        parts += [
            "## Overview",
            results_table(results),
            "![Bits per base by familiarity, and real genes told from copies over the number of edits, for each model]"
            "(report.png)",
        ]
    if "perplexity" in measured:
        parts += _perplexity_sections(results)
    gene_tables = {name: gene_tables[name] for r in results if (name := r["model"]["name"]) in gene_tables}
    if len(gene_tables) > 1:
        reference, differences = compare_models(gene_tables, seed=results[0]["seed"])
        parts += [
            f"## Bits per base more than {reference}",
            comparison_table(differences),
            "Paired: the difference is taken gene by gene, so its interval is narrower than those of the two figures. "
            "Where it holds 0, the genes do not tell the models apart.",
        ]
    if learning_curve is not None:
        parts += [
            "## Learning curve",
            "![Bits per base on all, novel and familiar genes over the bases trained on, for each model]"
            "(learning_curve.png)",
            learning_curve_table(learning_curve),
            "Each model trained on growing shares of the training genes, and measured on the same genes. Novel and "
            "familiar are by the whole training set.",
        ]
    if "edits" in measured:
        parts += [
            "## Edits told",
            edits_table([result for result in results if _rows(result, "edits")]),
            "The share of pairs whose real gene scores more than its copy with K edits of one kind; guessing gives "
            "0.5, and a tie is half right. The score is the log-odds against uniform bases. AUROC: the same with how "
            "far the two differ. The perplexity rule compares means per base instead.",
        ]
    if "mutations" in measured:
        parts += [
            "## Mutations found",
            mutation_table([result for result in results if _rows(result, "mutations")]),
            "The share of pairs whose real gene the model finds better than its mutated copy; guessing gives 0.5, and "
            "a tie is wrong. The perplexity rule compares means per symbol, the probability rule whole sequences.",
            f"The pairs are {_pairs(next(r for r in results if _rows(r, 'mutations')))}.",
        ]
    if "generation" in measured:
        having = [result for result in results if _rows(result, "generation")]
        parts += [
            "## What the models write",
            "![Jensen-Shannon divergence of k-mer spectra over k: written, held-out and shuffled genes](spectra.png)",
            generation_table(having),
            "Each model's genes, beside as many held-out genes (what a perfect model would write) and the same with "
            "their letters shuffled. Divergences and distances are to other held-out genes, less is better; the "
            "longest match and the share of 24-mers in the training genes, on either strand, show copying.",
        ]
    for label in probed_labels(results):
        parts += [
            f"## Probing for {label.replace('_', ' ')}",
            probing_table([result for result in results if _rows(result, "probing")], label),
            "How well simple classifiers tell a gene's class from the mean of a model's hidden states, or from its "
            "4-mers where a model has none, on genes of clusters they have not seen. Balanced accuracy is the mean of "
            "the classes' recalls.",
        ]
    if "variants" in measured and not has_compared_variants(results):
        parts += [
            "## Variants",
            "Too little is known of these variants to compare their scores with it; the scores lie beside the results "
            "files.",
        ]
    elif "variants" in measured:
        parts += [
            "## Variants",
            "![Rank correlation with measured effects, or AUROC of labels, by group of variants](variants.png)",
            variant_table(results),
            "The score of a variant is the log-odds, against uniform bases, of the window around it with the "
            "alternative allele less that with the reference allele. Spearman: its rank correlation with the measured "
            "effect; size: of the negative score with the size of the effect. AUROC: of the negative score for "
            "telling harmful from harmless labels.",
        ]
    if "perplexity" in measured:
        parts += [
            "## How bits per base are measured",
            "-log2 p(base | the bases before it, the gene goes on), p over A, C, G and T, summed over all bases and "
            "divided by their number; perplexity is 2 to that power. The paper is arXiv 2307.10634: it spreads p over "
            "the whole vocabulary and, for n-grams, counts the end as a symbol. A compressor's bits are what the "
            "genes add to the compressed training genes.",
        ]
    notes = [f"- {result['model']['name']}: {note}\n" for result in results for note in result["notes"]]
    parts += [
        *(["## Notes", "".join(notes)] if notes else []),
        "## Commands",
        f"Intervals are percentile bootstraps: clusters of similar genes (for variants, positions) drawn with "
        f"replacement, {RESAMPLES:,} times.",
        "".join(f"- {result['model']['name']}: `{result['command']}`\n" for result in results),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _perplexity_sections(results: Sequence[dict[str, Any]]) -> list[str]:
    return [
        "## Bits per base by familiarity",
        familiarity_table(results),
        f"Novel genes share no {WORD_LENGTH}-mer with the training genes, on either strand; familiar ones share more "
        f"than half of theirs. A gene shorter than {WORD_LENGTH} counts as novel. The end of a gene is reported "
        "apart: it is no part of the bits per base.",
        "## Bits per base by gene type",
        "![Bits per base of each model on each type of gene](gene_types.png)",
        gene_type_table(results),
        "## Bits per base by length",
        length_table(results),
    ]


def _both(folder: Path, png: str) -> tuple[Path, Path]:
    return folder / png, (folder / png).with_suffix(".svg")


def _size(results: Sequence[dict[str, Any]]) -> str:
    for result in results:
        if row := find_measurement(result, task="perplexity", metric="bits_per_base"):
            return f"{row['n_genes']:,} genes, {row['n_bases']:,} bases. "
    return ""
