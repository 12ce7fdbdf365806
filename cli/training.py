"""`genelm train`, and `sweep` and `learning-curve`: many trainings one after the other."""

import os
from pathlib import Path
from typing import Annotated

import typer

from .results import Data

Launch = Annotated[
    str,
    typer.Option(help="Options of `accelerate launch` for every training, such as '--multi_gpu --num_processes 8'."),
]


def train(context: typer.Context) -> None:
    """Train a network on one process or many: the same run as `train.py`, with the same options.

    genelm train --config configs/lstm.yaml --data data/human_genes --output_dir runs/lstm

    On several GPUs: accelerate launch -m genelm.cli train ... A run that is told to stop writes a checkpoint first;
    --resume_from_checkpoint latest goes on from there.
    """
    parent = os.getppid()  # it may be gone when the libraries are loaded, seconds later

    from genelm.training.main import main

    main(context.command.help, parent, "genelm train", context.args)


def sweep(
    file: Annotated[Path, typer.Argument(help="YAML file with a config and a grid; see configs/sweeps/.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder for the runs and their table.")],
    launch: Launch = "",
) -> None:
    """Train once for each combination of a grid, and choose on validation.

    genelm sweep configs/sweeps/paper_lstm.yaml --data data/human_genes --output runs/sweep

    After an interruption the same command goes on: trainings that are done are not done twice, one that was broken off
    goes on from its last checkpoint.
    """
    from genelm.training import run_sweep

    entries = run_sweep(file, data, output, launch)
    best = entries[0]
    print(
        f"{output / 'sweep.md'}: {len(entries)} trials; {best['trial']} is best, "
        f"{best['validation_bits_per_base']:.4f} bits/base on validation."
    )


def learning_curve(
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder for the runs, results and the curve.")],
    config: Annotated[
        list[Path] | None, typer.Option(help="YAML file of a network to train; may be given several times.")
    ] = None,
    smoothing: Annotated[
        list[str] | None, typer.Option(help="N-gram model to fit. [default: laplace mixture]", show_default=False)
    ] = None,
    fraction: Annotated[
        list[float] | None,
        typer.Option(help="Share of the training genes. [default: 0.01 0.03 0.1 0.3 1]", show_default=False),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=10, help="Steps of each network on all genes; by default those of its config.")
    ] = None,
    split: Annotated[str, typer.Option(help="To measure on: validation or test.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Draws the genes, and is that of the trainings.")] = 0,
    launch: Launch = "",
) -> None:
    """Train on 1, 3, 10, 30 and 100 % of the genes, and draw what each model learns from how many.

    genelm learning-curve --data data/human_genes --config configs/lstm.yaml --config configs/gpt2.yaml
    --output results/learning_curve

    What is done is not done twice, so the same command goes on after an interruption. `genelm report` takes the curve
    into a report.
    """
    from genelm.training import FRACTIONS, measure_learning_curve

    curve = measure_learning_curve(
        data,
        output,
        fractions=fraction or FRACTIONS,
        smoothings=smoothing or ("laplace", "mixture"),
        configs=config or [],
        max_steps=max_steps,
        split=split,
        seed=seed,
        launch=launch,
    )
    print(f"{output / 'learning_curve.png'}: {len(curve.entries)} trainings.")
