"""A report over results: one HTML page, the same as Markdown, and its plots."""

import math
from collections.abc import Sequence
from pathlib import Path

from genelm.storage import InputError, atomic_file

from ..results import Results
from ..statistics import CONFIDENCE, RESAMPLES
from .comparison import compare_models, comparison_table
from .html import render_page
from .learning_curve import LearningCurve, learning_curve_table, plot_learning_curve
from .overview import overview_section
from .section import Plot, Section
from .task_report import TaskReport


def write_report(
    results: Sequence[Results],
    folder: Path,
    tasks: Sequence[TaskReport],
    *,
    learning_curve: LearningCurve | None = None,
) -> list[Path]:
    """Write `report.html`, which needs nothing beside it, the same as `report.md`, and its plots as PNG and SVG.

    Args:
        results: one object a model, in the order of the rows. Two and more that have a table of genes are compared
            gene by gene.
        folder: where to; it is made if need be.
        tasks: that were measured, in the order of the sections.
        learning_curve: of the dataset and split of the results.

    Returns:
        The files written.

    Raises:
        InputError: the results cannot stand in one table, see `check_comparable`, or the learning curve is of other
            genes.
    """
    check_comparable(results, tasks)
    if learning_curve is not None:
        _check_curve(results[0], learning_curve)
    sections = _sections(results, tasks, learning_curve)
    plots = [part for section in sections for part in section.parts if isinstance(part, Plot)]
    for plot in plots:
        plot.draw(_files(folder, plot))
    text = _page(results, sections)
    embedded = {png.name: svg for png, svg in (_files(folder, plot) for plot in plots)}
    for path, content in ((folder / "report.md", text), (folder / "report.html", render_page(text, embedded))):
        with atomic_file(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return [folder / "report.html", folder / "report.md", *(path for plot in plots for path in _files(folder, plot))]


def check_comparable(results: Sequence[Results], tasks: Sequence[TaskReport]) -> None:
    """Refuse results whose values do not mean the same.

    Raises:
        InputError: there are no results, a model comes twice, or the results differ in dataset, split, or a condition
            of a task, such as its version.
    """
    if not results:
        raise InputError("A report needs at least one results file, but none was given.")
    _check_same("dataset", results, [f"{one.dataset.name} {one.dataset.fingerprint[:12]}" for one in results])
    _check_same("split", results, [one.dataset.split for one in results])
    names = [one.model.name for one in results]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        commands = " and ".join(f"`{one.command}`" for one in results if one.model.name == repeated[0])
        raise InputError(
            f"The model {repeated[0]} comes twice, in the results of {commands}; leave one of them out, or evaluate a "
            "model whose folder has another name."
        )
    for task in tasks:
        having = [one for one in results if one.of(task.name)]
        conditions = [task.conditions(one) for one in having]
        for what in conditions[0] if conditions else ():
            _check_same(what, having, [values[what] for values in conditions])


def best_first(results: Sequence[Results]) -> list[Results]:
    """Return results by bits per base, fewest first; those without come last, in the order given.

    Behind all others come models that were trained on another dataset, which may have the genes they are measured on.
    """

    def place(one: Results) -> tuple[bool, float]:
        row = one.find(task="perplexity", metric="bits_per_base")
        is_foreign = one.model.trained_on not in (None, one.dataset.fingerprint)
        return is_foreign, math.inf if row is None else row.value

    return sorted(results, key=place)


def _check_same(what: str, results: Sequence[Results], values: Sequence[str]) -> None:
    """Refuse results of which one has another value than the first."""
    for one, value in zip(results, values, strict=True):
        if value != values[0]:
            raise InputError(
                f"{results[0].model.name} and {one.model.name} differ in {what} ({values[0]}; {value}); evaluate both "
                "alike, or report them apart."
            )


def _check_curve(results: Results, curve: LearningCurve) -> None:
    """Refuse a learning curve that was not measured on the genes of the results."""
    measured_on, of_results = (
        f"{one.name} {one.fingerprint[:12]}, {one.split}" for one in (curve.dataset, results.dataset)
    )
    if measured_on != of_results:
        raise InputError(
            f"The learning curve was measured on {measured_on}, and {results.model.name} on {of_results}; report "
            "them apart."
        )


def _sections(
    results: Sequence[Results], tasks: Sequence[TaskReport], learning_curve: LearningCurve | None
) -> list[Section]:
    """Return the sections of the report; what no model was measured on is left out."""
    overview = overview_section(results, tasks)
    sections = [] if overview is None else [overview]
    tables = {one.model.name: one.gene_table for one in results if one.gene_table is not None}
    if len(tables) > 1:
        reference, differences = compare_models(tables, seed=results[0].seed)
        said = (
            "Paired: the difference is taken gene by gene, so its interval is narrower than those of the two values. "
            "Where it holds 0, the genes do not tell the models apart."
        )
        sections.append(Section(f"Bits per base more than {reference}", [comparison_table(differences), said]))
    if learning_curve is not None:
        sections.append(_learning_curve_section(learning_curve))
    for task in tasks:
        if having := [one for one in results if one.of(task.name)]:
            sections += task.sections(having)
    return sections


def _learning_curve_section(curve: LearningCurve) -> Section:
    caption = "Bits per base on all, novel and familiar genes over the bases trained on, for each model"
    said = (
        "Each model trained on growing shares of the training genes, and measured on the same genes. Novel and "
        "familiar are by the whole training set."
    )
    plot = Plot("learning_curve", caption, lambda paths: plot_learning_curve(curve, paths))
    return Section("Learning curve", [plot, learning_curve_table(curve), said])


def _page(results: Sequence[Results], sections: Sequence[Section]) -> str:
    """Return the whole report as Markdown."""
    dataset = results[0].dataset
    parts = [
        f"# {dataset.name}: {dataset.split}",
        f"Dataset fingerprint `{dataset.fingerprint}`. {_size(results)}In brackets: {CONFIDENCE:.0%} bootstrap "
        "intervals.",
    ]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [f"![{part.caption}]({part.name}.png)" if isinstance(part, Plot) else part for part in section.parts]
    notes = [f"- {one.model.name}: {note}\n" for one in results for note in one.notes]
    parts += [
        *(["## Notes", "".join(notes)] if notes else []),
        "## Commands",
        f"Intervals are percentile bootstraps: clusters of similar genes (for variants, positions) drawn with "
        f"replacement, {RESAMPLES:,} times.",
        "".join(f"- {one.model.name}: `{one.command}`\n" for one in results),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _files(folder: Path, plot: Plot) -> tuple[Path, Path]:
    return folder / f"{plot.name}.png", folder / f"{plot.name}.svg"


def _size(results: Sequence[Results]) -> str:
    for one in results:
        if row := one.find(task="perplexity", metric="bits_per_base"):
            return f"{row.n_genes:,} genes, {row.n_bases:,} bases. "
    return ""
