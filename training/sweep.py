"""A sweep: many trainings that differ in some options, one table, and the winner on validation."""

import hashlib
import itertools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genelm.eval import markdown_table
from genelm.storage import InputError, atomic_file, progress_bar, write_json

from .options import read_yaml
from .trials import TrialFailed, check_trial, run_trial

log = logging.getLogger(__name__)

_KEYS = ("config", "options", "grid", "trials")
_LONGEST_NAME = 200
"""Of a folder, which file systems allow 255 bytes."""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        name: of its folder.
        options: of `train.py`, those of the model as `model.NAME`; what differs from the config.
    """

    name: str
    options: dict[str, Any]


def read_sweep(path: Path) -> tuple[Path, list[Trial]]:
    """Read the file of a sweep.

    Its keys: `config`, the YAML file of `train.py`, relative to this one; `options`, what all trials have in common;
    `grid`, for each option the values to combine each with each; `trials`, further ones, option by option.

    Args:
        path: a YAML file.

    Returns:
        The config, and the trials in the order of the file.

    Raises:
        InputError: it is not of this form.
    """
    content = read_yaml(path, "sweep", "configs/sweeps/")
    if not isinstance(content, dict) or "config" not in content or not set(content) <= set(_KEYS):
        raise InputError(f"The sweep {path} must have the key config, and beside it only options, grid and trials.")
    common, grid, listed = content.get("options") or {}, content.get("grid") or {}, content.get("trials") or []
    if (
        not isinstance(common, dict)
        or not isinstance(grid, dict)
        or not all(isinstance(values, list) and values for values in grid.values())
        or not isinstance(listed, list)
        or not all(isinstance(one, dict) for one in listed)
    ):
        raise InputError(
            f"In the sweep {path}, options are NAME: VALUE, grid is NAME: [VALUE, VALUE ...], and trials is a list of "
            "NAME: VALUE."
        )
    if not isinstance(content.get("config"), str):
        raise InputError(f"The sweep {path} names no config; give config: FILE, as seen from the sweep's folder.")
    config = path.parent / content["config"]
    if not config.is_file():
        raise InputError(f"The sweep {path} names the config {config}, which is not there.")
    combined = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())] if grid else []
    differing: list[dict[str, Any]] = []
    for one in [*combined, *listed]:
        if one not in differing:
            differing.append(one)
    if not differing:
        raise InputError(f"The sweep {path} has no trial; give a grid or trials.")
    return config, [Trial(_name(options), {**common, **options}) for options in differing]


def run_sweep(path: Path, data: Path, output: Path, launch: str = "") -> list[dict[str, Any]]:
    """Run the trials of a sweep that are not done yet, and keep a table of those that are.

    A trial that fails, such as one whose loss is not finite, does not keep the others from being run.

    Args:
        path: the sweep's file.
        data: folder that `genelm data build` wrote.
        output: a folder: a run in each `trials/NAME`, and the tables `sweep.json` and `sweep.md`.
        launch: options of `accelerate launch`.

    Returns:
        An entry a trial, the winner on validation first.

    Raises:
        InputError: the file is not one of a sweep, an option cannot be used, or, after all others, trials failed.
    """
    config, trials = read_sweep(path)
    folders = {trial.name: output / "trials" / trial.name for trial in trials}
    for trial in trials:
        check_trial(trial.options, config, data, folders[trial.name])
    entries: list[dict[str, Any]] = []
    failed: list[str] = []
    for trial in progress_bar(trials, desc="trials", unit="trial"):
        log.info("%s ...", trial.name)
        try:
            record = run_trial(trial.options, config, data, folders[trial.name], launch)
        except TrialFailed as error:
            log.error("%s", error)
            failed.append(trial.name)
            continue
        entries.append(
            {
                "trial": trial.name,
                "options": trial.options,
                "parameters": record["parameters"],
                "validation_bits_per_base": record["best"]["validation_bits_per_base"],
                "best_step": record["best"]["step"],
                "steps": record["steps"],
                "seconds": record["seconds"],
                "stopped": record["stopped"],
                "dataset": record["dataset"]["fingerprint"],
            }
        )
        entries.sort(key=lambda entry: entry["validation_bits_per_base"])
        write_json(output / "sweep.json", entries)
        with atomic_file(output / "sweep.md") as temporary:
            temporary.write_text(sweep_table(entries, len(trials)))
    if failed:
        raise InputError(
            f"{len(failed)} of {len(trials)} trials failed: {', '.join(failed)}. See above why; those that are done "
            f"are in {output / 'sweep.md'}, and the same command tries the others again."
        )
    return entries


def sweep_table(entries: list[dict[str, Any]], planned: int) -> str:
    """Return the Markdown table of a sweep, the winner on validation first."""
    table = markdown_table(
        entries,
        [
            ("trial", lambda entry: entry["trial"]),
            ("parameters", lambda entry: f"{entry['parameters']:,}"),
            ("bits/base on validation", lambda entry: f"{entry['validation_bits_per_base']:.4f}"),
            ("best step", lambda entry: f"{entry['best_step']:,}"),
            ("steps", lambda entry: f"{entry['steps']:,}"),
            ("minutes", lambda entry: f"{entry['seconds'] / 60:.1f}"),
            ("ended", lambda entry: entry["stopped"]),
        ],
    )
    return f"{table}\n{len(entries)} of {planned} trials; chosen on validation, the test set was not looked at.\n"


def _name(options: dict[str, Any]) -> str:
    """Name a trial after what is its own; a name serves as that of a folder."""
    parts = (f"{name.removeprefix('model.')}={value}" for name, value in options.items())
    name = ",".join(parts).replace("/", "_").replace(" ", "") or "base"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
