"""How much a model learns from how many genes: the paper's question of how data-hungry a language of four letters is.

Each model is trained on growing shares of the training genes, of which larger ones have all genes of smaller ones, and
measured on the same evaluation genes. Familiar and novel genes are those of the whole training set, so that each line
of a picture is about the same genes all along.
"""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from genelm.dataset_scripts import dataset_facts, read_manifest
from genelm.eval import evaluate_model, find_measurement, markdown_table, read_results, write_results
from genelm.modeling import describe_model, load_model_folder, read_record, save_model_folder
from genelm.pictures import COLORS, STYLE, save_picture
from genelm.storage import InputError, atomic_file, started_command, write_json
from genelm.tokenization import load_tokenizer

from .genes import TrainingGenes
from .ngram import fit_ngram
from .options import parse_config
from .trials import run_trial

FRACTIONS = (0.01, 0.03, 0.1, 0.3, 1.0)
STRATA = (("all", "all"), ("familiarity", "novel"), ("familiarity", "familiar"))
PATIENCE = 3
VALIDATIONS = 10


def measure_learning_curve(
    data: Path,
    output: Path,
    *,
    fractions: Sequence[float] = FRACTIONS,
    smoothings: Sequence[str] = ("laplace", "mixture"),
    configs: Sequence[Path] = (),
    max_steps: int | None = None,
    split: str = "test",
    seed: int = 0,
    launch: str = "",
) -> list[dict[str, Any]]:
    """Train on growing shares of the genes, measure, and draw the curve; what is done is not done twice.

    On all genes networks take the steps of their config; on a hundredth of them a tenth of these, so that each gene is
    seen ten times as often, and in between by the root of the share. Each has ten validations, keeps the best model,
    and stops after three without improvement, when a small share is learned by heart.

    Args:
        data: folder that `genelm data build` wrote.
        output: a folder: `runs/`, `results/`, and the curve as `learning_curve.json`, `.md`, `.png` and `.svg`.
        fractions: shares of the training genes.
        smoothings: n-gram models to fit.
        configs: YAML files of networks to train.
        max_steps: steps of each network on all genes instead of those of its config.
        split: to measure on.
        seed: draws the genes, and is that of the trainings.
        launch: options of `accelerate launch`.

    Returns:
        An entry a model and share: `model`, `fraction`, `genes`, `bases`, and bits/base by stratum.

    Raises:
        InputError: an option or the data cannot be used, or a training failed.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise InputError(f"A share of the genes is more than 0 and at most 1, not {fraction}.")
    names = [*smoothings, *(config.stem for config in configs)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two models of the learning curve are called {name}; rename a config file.")
    entries: list[dict[str, Any]] = []
    bar = tqdm(total=len(names) * len(fractions), desc="trainings", unit="training")
    with bar:
        for name in names:
            for fraction in fractions:
                folder = output / "runs" / f"{name}-{fraction * 100:g}"
                tqdm.write(f"{folder.name} % ...")
                if name in smoothings:
                    _fit(data, folder, name, fraction, seed)
                else:
                    config = configs[[one.stem for one in configs].index(name)]
                    _train(data, folder, config, fraction, seed, max_steps, launch)
                entries.append(_measure(data, folder, name, fraction, split, output / "results", seed))
                _write(entries, output)
                bar.update()
    return entries


def _fit(data: Path, folder: Path, smoothing: str, fraction: float, seed: int) -> None:
    facts = {"fingerprint": dataset_facts(read_manifest(data))["fingerprint"]}
    facts |= TrainingGenes.open(data, True, fraction, seed).size()
    before = read_record(folder).get("dataset", {})
    if {name: before.get(name) for name in facts} != facts:
        model, record = fit_ngram(data, {"smoothing": smoothing}, fraction=fraction, seed=seed)
        save_model_folder(folder, model, load_tokenizer(), record)


def _train(
    data: Path, folder: Path, config: Path, fraction: float, seed: int, max_steps: int | None, launch: str
) -> None:
    options, _ = parse_config(["--config", str(config), "--data", str(data), "--output_dir", str(folder)], None)
    if max_steps is None:
        options.train_fraction = 1.0
        max_steps = sum(1 for _ in TrainingGenes.open(data, options.append_eos).batches(options))
    steps = max(VALIDATIONS, round(max_steps * fraction**0.5))
    schedule = {
        "max_steps": steps,
        "eval_steps": steps // VALIDATIONS,
        "early_stopping_patience": PATIENCE,
        "warmup_steps": min(options.warmup_steps, steps // 5),
    }
    run_trial({"train_fraction": fraction, "seed": seed, **schedule}, config, data, folder, launch)


def _measure(
    data: Path, folder: Path, name: str, fraction: float, split: str, results: Path, seed: int
) -> dict[str, Any]:
    """Measure a trained model, unless that is done, and return its entry."""
    path = results / f"{folder.name}.json"
    model, _ = load_model_folder(folder)
    info = describe_model(str(folder), folder, model)
    measured = read_results(path) if path.is_file() else None
    wanted = (info["fingerprint"], dataset_facts(read_manifest(data))["fingerprint"], split, seed)
    if measured is None or wanted != (
        measured["model"]["fingerprint"],
        measured["dataset"]["fingerprint"],
        measured["dataset"]["split"],
        measured["seed"],
    ):
        measured = evaluate_model(
            model, model_info=info, dataset_folder=data, split=split, seed=seed, command=started_command()
        )
        write_results(measured, path)
    record = read_record(folder)
    bits = {
        stratum: find_measurement(measured, task="perplexity", metric="bits_per_base", group=group, stratum=stratum)
        for group, stratum in STRATA
    }
    return {
        "model": name,
        "fraction": fraction,
        "genes": record["dataset"]["genes"],
        "bases": record["dataset"]["bases"],
        "split": split,
        "bits_per_base": {stratum: row["value"] for stratum, row in bits.items() if row is not None},
    }


def _write(entries: list[dict[str, Any]], output: Path) -> None:
    """Write the curve as JSON, as a table and as pictures."""
    write_json(output / "learning_curve.json", entries)
    with atomic_file(output / "learning_curve.md") as temporary:
        temporary.write_text(learning_curve_table(entries))
    for suffix in (".png", ".svg"):
        draw_learning_curve(entries, output / f"learning_curve{suffix}")


def learning_curve_table(entries: Sequence[dict[str, Any]]) -> str:
    """Return the Markdown table of a learning curve."""

    def bits(stratum: str) -> tuple[str, Callable[[dict[str, Any]], str]]:
        def cell(entry: dict[str, Any]) -> str:
            value = entry["bits_per_base"].get(stratum)
            return "–" if value is None else f"{value:.3f}"

        return f"bits/base, {stratum}", cell

    return markdown_table(
        entries,
        [
            ("model", lambda entry: entry["model"]),
            ("share of genes", lambda entry: f"{entry['fraction'] * 100:g} %"),
            ("genes", lambda entry: f"{entry['genes']:,}"),
            ("bases", lambda entry: f"{entry['bases']:,}"),
            *(bits(stratum) for _, stratum in STRATA),
        ],
    )


def draw_learning_curve(entries: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw bits per base over the training bases, a panel a stratum and a line a model.

    Args:
        entries: as `measure_learning_curve` returns them.
        path: file to write, `.png` or `.svg`.
    """
    models = list(dict.fromkeys(entry["model"] for entry in entries))
    with matplotlib.rc_context(STYLE):
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
            axes.set_title(f"{stratum} genes")
            axes.set_xlabel("training bases")
        figure.axes[0].set_ylabel("bits/base")
        figure.axes[0].legend(frameon=False)
        save_picture(figure, path)
