"""Learning curves: what models learn from how many genes, as a file, a table and a picture."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from genelm.pictures import COLORS, STYLE, save_picture
from genelm.storage import atomic_file, read_format, write_json

from .results import ALL, find_measurement
from .tables import markdown_table

FORMAT, FORMAT_VERSION = "genelm-learning-curve", 1
STRATA = ((ALL, ALL), ("familiarity", "novel"), ("familiarity", "familiar"))
"""Groups and strata of genes that are told apart."""


def make_learning_curve(entries: Sequence[dict[str, Any]], dataset: dict[str, str]) -> dict[str, Any]:
    """Put the points of a curve together with what they were measured on.

    Args:
        entries: as `learning_curve_entry` returns them.
        dataset: `name`, `fingerprint` and `split`, as of results.

    Returns:
        What `read_learning_curve` returns for the written file.
    """
    return {"format": FORMAT, "format_version": FORMAT_VERSION, "dataset": dataset, "entries": list(entries)}


def learning_curve_entry(
    model: str, fraction: float, trained_on: dict[str, Any], results: dict[str, Any]
) -> dict[str, Any]:
    """Give a point of a curve.

    Args:
        model: its name, that of the line in the picture.
        fraction: share of the training genes.
        trained_on: `genes` and `bases`, numbers.
        results: of the task perplexity.

    Returns:
        `model`, `fraction`, `genes`, `bases`, and `bits_per_base` by stratum, as far as it has genes.
    """
    bits = {
        stratum: find_measurement(results, task="perplexity", metric="bits_per_base", group=group, stratum=stratum)
        for group, stratum in STRATA
    }
    return {
        "model": model,
        "fraction": fraction,
        "genes": trained_on["genes"],
        "bases": trained_on["bases"],
        "bits_per_base": {stratum: row["value"] for stratum, row in bits.items() if row is not None},
    }


def read_learning_curve(path: Path) -> dict[str, Any]:
    """Read a learning curve.

    Raises:
        InputError: there is no such file, it is not JSON, or no learning curve of this format and version.
    """
    return read_format(
        path,
        FORMAT,
        FORMAT_VERSION,
        keys=("dataset", "entries"),
        instead="give the learning_curve.json that `genelm learning-curve` wrote",
        anew="run `genelm learning-curve` again",
    )


def write_learning_curve(curve: dict[str, Any], folder: Path) -> None:
    """Write a curve as `learning_curve.json`, as a table, `.md`, and as pictures, `.png` and `.svg`."""
    write_json(folder / "learning_curve.json", curve)
    with atomic_file(folder / "learning_curve.md") as temporary:
        temporary.write_text(learning_curve_table(curve), encoding="utf-8")
    draw_learning_curve(curve, [folder / "learning_curve.png", folder / "learning_curve.svg"])


def learning_curve_table(curve: dict[str, Any]) -> str:
    """Render a curve as Markdown, a row a model and share."""

    def bits(stratum: str) -> tuple[str, Callable[[dict[str, Any]], str]]:
        def cell(entry: dict[str, Any]) -> str:
            value = entry["bits_per_base"].get(stratum)
            return "–" if value is None else f"{value:.3f}"

        return f"bits/base, {stratum}", cell

    return markdown_table(
        curve["entries"],
        [
            ("model", lambda entry: entry["model"]),
            ("share of genes", lambda entry: f"{entry['fraction'] * 100:g} %"),
            ("genes", lambda entry: f"{entry['genes']:,}"),
            ("bases", lambda entry: f"{entry['bases']:,}"),
            *(bits(stratum) for _, stratum in STRATA),
        ],
    )


def draw_learning_curve(curve: dict[str, Any], paths: Sequence[Path]) -> None:
    """Draw bits per base over the training bases, a panel a stratum and a line a model.

    Args:
        curve: as `make_learning_curve` returns it.
        paths: files to write, `.png` or `.svg`.
    """
    entries = curve["entries"]
    models = list(dict.fromkeys(entry["model"] for entry in entries))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 3.4), layout="constrained")
        for axes, (_, stratum) in zip(figure.subplots(1, len(STRATA), sharex=True), STRATA, strict=True):
            for model, color in zip(models, itertools.cycle(COLORS), strict=False):
                points = sorted(
                    (entry["bases"], entry["bits_per_base"][stratum])
                    for entry in entries
                    if entry["model"] == model and stratum in entry["bits_per_base"]
                )
                axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=color, label=model)
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_title(f"{stratum} genes")
            axes.set_xlabel("training bases")
        figure.axes[0].set_ylabel("bits/base")
        figure.axes[0].legend(frameon=False)
        for path in paths:
            save_picture(figure, path)
