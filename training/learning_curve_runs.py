"""How much a model learns from how many genes: the paper's question of how data-hungry a language of four letters is.

Each model is trained on growing shares of the training genes, of which larger ones have all genes of smaller ones, and
measured on the same evaluation genes. Familiar and novel genes are those of the whole training set, so that each line
of a plot is about the same genes all along.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from genelm.dataset_scripts import dataset_facts, read_manifest
from genelm.eval import (
    LearningCurve,
    LearningCurveEntry,
    MeasuredDataset,
    MeasuredModel,
    Results,
    evaluate_model,
    learning_curve_entry,
    read_results,
    write_learning_curve,
    write_results,
)
from genelm.modeling import describe_model, load_model_folder, read_record, save_model_folder
from genelm.storage import InputError, command_line, progress_bar
from genelm.tokenization import load_tokenizer

from .ngram import fit_ngram
from .options import parse_config
from .training_genes import TrainingGenes
from .trials import run_trial

log = logging.getLogger(__name__)

FRACTIONS = (0.01, 0.03, 0.1, 0.3, 1.0)
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
) -> LearningCurve:
    """Train on growing shares of the genes, measure, and draw the curve; what is done is not done twice.

    On all genes networks take the steps of their config; on a hundredth of them a tenth of these, so that each gene is
    seen ten times as often, and in between by the root of the share. Each is validated every tenth of its steps and at
    its end, keeps the best model, and stops after three validations without improvement, when a small share is learned
    by heart.

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
        The curve.

    Raises:
        InputError: an option or the data cannot be used, or a training failed.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise InputError(f"A share of the genes is more than 0 and at most 1, not {fraction}.")
    if "mle" in smoothings:
        raise InputError("What mle has not seen costs infinitely many bits, which no curve shows; leave it out.")
    names = [*smoothings, *(config.stem for config in configs)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two models of the learning curve are called {name}; rename a config file.")
    facts = dataset_facts(read_manifest(data))
    dataset = MeasuredDataset(name=facts["name"], fingerprint=facts["fingerprint"], split=split)
    entries: list[LearningCurveEntry] = []
    bar = progress_bar(total=len(names) * len(fractions), desc="trainings", unit="training")
    with bar:
        for name in names:
            for fraction in fractions:
                folder = output / "runs" / f"{name}-{fraction * 100:g}"
                log.info("%s %% ...", folder.name)
                if name in smoothings:
                    _fit(data, folder, name, fraction, seed)
                else:
                    config = configs[[one.stem for one in configs].index(name)]
                    _train(data, folder, config, fraction, seed, max_steps, launch)
                results = _measure(data, folder, split, output / "results", seed)
                known = read_record(folder)["dataset"]
                entries.append(learning_curve_entry(name, fraction, known["genes"], known["bases"], results))
                write_learning_curve(LearningCurve(dataset=dataset, entries=entries), output)
                bar.update()
    return LearningCurve(dataset=dataset, entries=entries)


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
        max_steps = TrainingGenes.open(data, options.append_eos).steps(options)
    steps = max(VALIDATIONS, round(max_steps * fraction**0.5))
    schedule = {
        "max_steps": steps,
        "eval_steps": steps // VALIDATIONS,
        "early_stopping_patience": PATIENCE,
        "warmup_steps": min(options.warmup_steps, steps // 5),
    }
    run_trial({"train_fraction": fraction, "seed": seed, **schedule}, config, data, folder, launch)


def _measure(data: Path, folder: Path, split: str, results: Path, seed: int) -> Results:
    """Measure a trained model, unless that is done, and return the results."""
    path = results / f"{folder.name}.json"
    model, _ = load_model_folder(folder)
    info = MeasuredModel(**describe_model(str(folder), folder, model))
    measured = read_results(path) if path.is_file() else None
    wanted = (info.fingerprint, dataset_facts(read_manifest(data))["fingerprint"], split, seed)
    if measured is None or wanted != (
        measured.model.fingerprint,
        measured.dataset.fingerprint,
        measured.dataset.split,
        measured.seed,
    ):
        measured = evaluate_model(
            model, measured_model=info, dataset_folder=data, split=split, seed=seed, command=command_line()
        )
        write_results(measured, path)
    return measured
