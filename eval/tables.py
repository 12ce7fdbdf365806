"""Markdown tables over the results of several models, one row a model, every figure with its interval."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from genelm.dataset_scripts import STRATA

from .comparison import Difference
from .results import ALL, find_measurement

Results = dict[str, Any]
Column = tuple[str, Callable[[Results], str]]

_NOT_MEASURED = "–"
_CONVENTIONS = {"genelm": "ours", "paper": "the paper's"}
_VARIANT_METRICS = {"spearman": "Spearman", "spearman_size": "Spearman, size", "auroc": "AUROC"}
_TELLING_GENERATION_METRICS = (
    "ended",
    "length_mean",
    "jensen_shannon_6",
    "in_training_24_mers",
    "similar_to_training",
)
_BALANCED_PROBING_METRICS = (
    ("linear, balanced accuracy", "linear_balanced_accuracy"),
    ("kNN, balanced accuracy", "knn_balanced_accuracy"),
    ("guessing", "chance_balanced_accuracy"),
)
_PROBING_METRICS = (
    *_BALANCED_PROBING_METRICS,
    ("linear, accuracy", "linear_accuracy"),
    ("kNN, accuracy", "knn_accuracy"),
    ("most frequent class", "majority_accuracy"),
)
_RULES = {"accuracy_perplexity_rule": "perplexity rule", "accuracy_probability_rule": "probability rule"}


def results_table(results: Sequence[Results]) -> str:
    """Render the main table in our conventions, and below it the same models in the paper's.

    Args:
        results: one object a model, of one dataset and split.

    Returns:
        Two Markdown tables; a figure that was not measured is a dash.
    """
    ours = markdown_table(results, _main_columns(results))
    papers = markdown_table(
        [r for r in results if any(row["convention"] == "paper" for row in r["measurements"])],
        [
            ("model", lambda r: r["model"]["name"]),
            _figure("perplexity", task="perplexity", metric="perplexity", convention="paper"),
            *_accuracies(results, "paper", "accuracy_perplexity_rule", "mutations found, K = {}"),
        ],
    )
    return f"{ours}\nThe same in the paper's conventions (its alphabet, its end symbol):\n\n{papers}"


def headline(results: Results) -> list[tuple[str, str]]:
    """Give what the main table says of one model, and the most telling figures of tasks that are not in it.

    Returns:
        Names of figures, and the figures that were measured.
    """
    columns = [
        *_main_columns([results]),
        *(
            _figure(f"written: {name}", task="generation", metric=metric, **_of("source", "written"))
            for metric, name in _generation_metrics([results]).items()
            if metric in _TELLING_GENERATION_METRICS
        ),
        *(
            _figure(f"{label}, {title}", task="probing", metric=metric, group=label)
            for label in probed_labels([results])
            for title, metric in _BALANCED_PROBING_METRICS
        ),
    ]
    figures = [(name, cell(results)) for name, cell in columns]
    return [(name, figure) for name, figure in figures if figure != _NOT_MEASURED]


def _main_columns(results: Sequence[Results]) -> list[Column]:
    return [
        ("model", lambda r: r["model"]["name"]),
        ("parameters", lambda r: f"{r['model']['parameters']:,}"),
        _figure("bits/base", task="perplexity", metric="bits_per_base"),
        _figure("perplexity", task="perplexity", metric="perplexity"),
        *(
            _figure(f"bits/base, {stratum}", task="perplexity", metric="bits_per_base", **_of("familiarity", stratum))
            for stratum in ("novel", "familiar")
        ),
        *_edit_accuracies(results, "accuracy", "edits told, K = {}"),
        *_accuracies(results, "genelm", "accuracy_perplexity_rule", "mutations found, K = {}"),
    ]


def familiarity_table(results: Sequence[Results]) -> str:
    """Render bits per base in every stratum of familiarity, and the bits of the end of a gene."""
    return markdown_table(
        results,
        [
            ("model", lambda r: r["model"]["name"]),
            _figure("all", task="perplexity", metric="bits_per_base"),
            *(
                _figure(stratum, task="perplexity", metric="bits_per_base", **_of("familiarity", stratum))
                for stratum in STRATA
            ),
            _figure("end, bits/gene", task="perplexity", metric="eos_bits_per_gene"),
        ],
    )


def gene_type_table(results: Sequence[Results]) -> str:
    """Render bits per base by gene type, one row a type and one column a model; the type with most bases first."""
    sizes = {
        row["stratum"]: (row["n_genes"], row["n_bases"])
        for result in results
        for row in result["measurements"]
        if row["task"] == "perplexity" and row["group"] == "gene_type"
    }
    lines = [["gene type", "genes", "bases", *(result["model"]["name"] for result in results)]]
    for gene_type, (n_genes, n_bases) in sorted(sizes.items(), key=lambda item: (-item[1][1], item[0])):
        _, cell = _figure("", task="perplexity", metric="bits_per_base", **_of("gene_type", gene_type))
        lines.append([gene_type, f"{n_genes:,}", f"{n_bases:,}", *map(cell, results)])
    return _markdown(lines)


def length_table(results: Sequence[Results]) -> str:
    """Render bits per base by the length of the genes, one row a model."""
    strata = list(
        dict.fromkeys(
            row["stratum"] for result in results for row in result["measurements"] if row["group"] == "length"
        )
    )
    columns = [_figure(name, task="perplexity", metric="bits_per_base", **_of("length", name)) for name in strata]
    return markdown_table(results, [("model", lambda r: r["model"]["name"]), *columns])


def comparison_table(differences: Sequence[Difference]) -> str:
    """Render the differences of models from one of them, one row a model and one column a stratum."""
    strata = list(dict.fromkeys(difference.stratum for difference in differences))
    cells = {(found.model, found.stratum): _signed(found) for found in differences}
    models = list(dict.fromkeys(difference.model for difference in differences))
    rows = [[model, *(cells.get((model, stratum), _NOT_MEASURED) for stratum in strata)] for model in models]
    return _markdown([["model", *strata], *rows])


def edits_table(results: Sequence[Results]) -> str:
    """Render the task "edits": accuracy by kind of edit and familiarity, AUROC and the perplexity rule."""
    strata = list(
        dict.fromkeys(
            (row["group"], row["stratum"])
            for result in results
            for row in result["measurements"]
            if row["task"] == "edits" and row["metric"] == "accuracy" and row["group"] not in (ALL, "kind and edits")
        )
    )
    return markdown_table(
        results,
        [
            ("model", lambda r: r["model"]["name"]),
            _figure("all", task="edits", metric="accuracy"),
            *(
                _figure(
                    f"K = {name}" if group == "edits" else name, task="edits", metric="accuracy", **_of(group, name)
                )
                for group, name in strata
            ),
            _figure("AUROC", task="edits", metric="auroc"),
            _figure("perplexity rule", task="edits", metric="accuracy_perplexity_rule"),
        ],
    )


def mutation_table(results: Sequence[Results]) -> str:
    """Render mutation accuracy by both rules and in both conventions, one row a model, convention and rule."""
    lines = []
    for result in results:
        for convention, convention_name in _CONVENTIONS.items():
            for metric, rule in _RULES.items():
                columns = _accuracies(results, convention, metric, "K = {}")
                cells = [cell(result) for _, cell in columns]
                lines.append([result["model"]["name"], convention_name, rule, *cells])
    return _markdown(
        [["model", "convention", "rule", *(f"K = {k}" for k in edit_limits(results))], *lines], n_text_columns=3
    )


def generation_table(results: Sequence[Results]) -> str:
    """Render the task "generation": what each model wrote, and below what held-out and shuffled genes have there."""
    metrics = _generation_metrics(results)
    lines = [["", *metrics.values()]]
    for result in results:
        sources = dict.fromkeys(row["stratum"] for row in result["measurements"] if row["task"] == "generation")
        for source in sources:
            name = f"{result['model']['name']}: {source}"
            cells = [
                _figure("", task="generation", metric=metric, **_of("source", source))[1](result) for metric in metrics
            ]
            lines.append([name, *cells])
    return _markdown([list(column) for column in zip(*lines, strict=True)])


def _generation_metrics(results: Sequence[Results]) -> dict[str, str]:
    """Give the metrics of the task "generation" in these results, and what tables call them, units included."""
    rows = [row for result in results for row in result["measurements"] if row["task"] == "generation"]
    return {row["metric"]: f"{row['metric']}, {row['units']}" if row["units"] else row["metric"] for row in rows}


def probing_table(results: Sequence[Results], label: str) -> str:
    """Render the task "probing" for one kind of label: both probes, and what they have without any knowledge."""
    return markdown_table(
        results,
        [
            ("model", lambda r: r["model"]["name"]),
            *(_figure(title, task="probing", metric=metric, group=label) for title, metric in _PROBING_METRICS),
        ],
    )


def probed_labels(results: Sequence[Results]) -> list[str]:
    """Give what the task "probing" asked for in these results."""
    return list(
        dict.fromkeys(
            row["group"]
            for result in results
            for row in result["measurements"]
            if row["task"] == "probing" and row["stratum"] == ALL
        )
    )


def has_compared_variants(results: Sequence[Results]) -> bool:
    """Say whether scores of variants were compared with anything."""
    return any(row["metric"] in _VARIANT_METRICS for result in results for row in result["measurements"])


def variant_table(results: Sequence[Results]) -> str:
    """Render the task "variants": one row a group of variants, and for each model a column a metric."""
    rows = [row for result in results for row in result["measurements"] if row["task"] == "variants"]
    metrics = [name for name in _VARIANT_METRICS if any(row["metric"] == name for row in rows)]
    strata = dict.fromkeys((row["group"], row["stratum"]) for row in rows if row["metric"] in metrics)
    header = [f"{result['model']['name']}: {_VARIANT_METRICS[metric]}" for result in results for metric in metrics]
    lines = [["variants", "number", *header]]
    for group, stratum in strata:
        numbers = {row["n_genes"] for row in rows if (row["group"], row["stratum"]) == (group, stratum)}
        cells = [
            _figure("", task="variants", metric=metric, **_of(group, stratum))[1](result)
            for result in results
            for metric in metrics
        ]
        lines.append([stratum, f"{max(numbers):,}", *cells])
    return _markdown(lines)


def edit_limits(results: Sequence[Results]) -> list[int]:
    """Give every K of the task "mutations" in these results, in order."""
    return sorted(
        {int(row["stratum"]) for result in results for row in result["measurements"] if row["group"] == "max_edits"}
    )


def edited_numbers(results: Sequence[Results]) -> list[int]:
    """Give every number of edits of the task "edits" in these results, in order."""
    return sorted(
        {int(row["stratum"]) for result in results for row in result["measurements"] if row["group"] == "edits"}
    )


def _of(group: str, stratum: str) -> dict[str, str]:
    return {"group": group, "stratum": stratum}


def _accuracies(results: Sequence[Results], convention: str, metric: str, title: str) -> list[Column]:
    """Make one column for every K."""
    return [
        _figure(title.format(k), task="mutations", metric=metric, convention=convention, **_of("max_edits", str(k)))
        for k in edit_limits(results)
    ]


def _edit_accuracies(results: Sequence[Results], metric: str, title: str) -> list[Column]:
    """Make one column for every number of edits."""
    return [
        _figure(title.format(number), task="edits", metric=metric, **_of("edits", str(number)))
        for number in edited_numbers(results)
    ]


def _signed(difference: Difference) -> str:
    if math.isinf(difference.value):
        return "∞"
    if difference.confidence_interval is None:
        return f"{difference.value:+.3f}"
    low, high = difference.confidence_interval
    return f"{difference.value:+.3f} ({low:+.3f} to {high:+.3f})"


def _figure(title: str, **labels: str) -> Column:
    """Make a column that shows one measurement of each model, `1.917 (1.912–1.922)`."""

    def cell(result: Results) -> str:
        row = find_measurement(result, **labels)
        if row is None:
            return _NOT_MEASURED
        if math.isinf(row["value"]):
            return "∞"
        if row["confidence_interval"] is None:
            # Divergences of short k-mers are small numbers that differ by factors.
            return f"{row['value']:.3f}" if row["value"] == 0 or row["value"] >= 0.01 else f"{row['value']:.2g}"
        low, high = row["confidence_interval"]
        return f"{row['value']:.3f} ({low:.3f}–{high:.3f})"

    return title, cell


def markdown_table(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> str:
    """Render a Markdown table, its first column as text and the others as figures.

    Args:
        rows: one object a row, such as the results of a model.
        columns: title of each column, and what makes a cell of the object of a row.

    Returns:
        The lines of the table.
    """
    header = [title for title, _ in columns]
    return _markdown([header, *([cell(row) for _, cell in columns] for row in rows)])


def _markdown(lines: Sequence[Sequence[str]], n_text_columns: int = 1) -> str:
    header, *rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    ruler = ["---" if column < n_text_columns else "---:" for column in range(len(header))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [header, ruler, *rows])
