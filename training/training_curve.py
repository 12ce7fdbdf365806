"""How a model came to be what it is: what training and validation cost over the steps."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from genelm.plotting import COLORS, GRAY, STYLE, save_plot


def draw_training_curve(record: dict[str, Any], path: Path) -> None:
    """Draw the bits of training and validation over the steps, and the learning rate below them.

    Args:
        record: a training record with `curve` (entries with `step`, `bits_per_base` and `learning_rate`), `history`
            (entries with `step` and `validation_bits_per_base`) and `best`.
        path: file to write, `.png` or `.svg`.
    """
    curve, history, best = record["curve"], record["history"], record["best"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 4.6), layout="constrained")
        bits, rate = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        steps = [entry["step"] for entry in curve]
        bits.plot(
            steps,
            [entry["bits_per_base"] for entry in curve],
            color=COLORS[0],
            alpha=0.6,
            linewidth=1,
            label="training",
        )
        bits.plot(
            [entry["step"] for entry in history],
            [entry["validation_bits_per_base"] for entry in history],
            color=COLORS[1],
            marker="o",
            markersize=4,
            label="validation",
        )
        bits.axvline(best["step"], color=GRAY, linestyle=":", label=f"kept: step {best['step']:,}")
        bits.set_ylabel("bits per base")
        bits.legend(frameon=False)
        rate.plot(steps, [entry["learning_rate"] for entry in curve], color=COLORS[2])
        rate.set_ylabel("learning rate")
        rate.set_xlabel("step")
        save_plot(figure, path)
