"""Trainings one after the other, each a process of its own: started, gone on with, or already done."""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genelm.modeling import read_record
from genelm.storage import InputError

UNFINISHED = ("still running", "interrupted")


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        name: of its folder.
        options: of `train.py`, those of the model as `model.NAME`; what differs from the config.
    """

    name: str
    options: dict[str, Any]


def finished_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of a training that has come to its end, None where there is none."""
    record = read_record(folder)
    return record if record.get("stopped", UNFINISHED[0]) not in UNFINISHED else None


def run_trial(trial: Trial, config: Path, data: Path, folder: Path, launch: str = "") -> dict[str, Any]:
    """Train as `accelerate launch train.py` does, unless that is done; a training that was broken off goes on.

    Args:
        trial: what to train.
        config: the YAML file that its options differ from.
        data: folder that `genelm data build` wrote.
        folder: of the run.
        launch: options of `accelerate launch`, as on its command line.

    Returns:
        The training record.

    Raises:
        InputError: the training failed; it has said why.
        KeyboardInterrupt: it was told to stop.
    """
    done = finished_record(folder)
    if done is not None:
        _check_same(trial, done, data, folder)
        return done
    options = {**trial.options, "config": config, "data": data, "output_dir": folder}
    if any(folder.glob("checkpoint-*")):
        options["resume_from_checkpoint"] = "latest"
    elif folder.exists():
        shutil.rmtree(folder)  # broken off before its first checkpoint
    command = [sys.executable, "-m", "accelerate.commands.launch", "--quiet", *shlex.split(launch)]
    command += ["-m", "genelm.training.command"]
    command += [part for name, value in options.items() for part in (f"--{name}", _as_argument(value))]
    status = subprocess.run(command).returncode
    if status in (130, 143, -2, -15):
        raise KeyboardInterrupt
    record = finished_record(folder)
    if status or record is None:
        raise InputError(
            f"The training {folder} ended with status {status}; see above why, correct it, and give the same command "
            "again: what is done is not done twice."
        )
    return record


def _check_same(trial: Trial, record: dict[str, Any], data: Path, folder: Path) -> None:
    """Refuse a finished training of other options under the same name."""
    config = record.get("config", {})
    for name, value in trial.options.items():
        section, _, key = name.rpartition(".")
        had = config.get("model", {}).get(key) if section == "model" else config.get(key)
        if had != value:
            raise InputError(
                f"{folder} holds a training with {name} {had}, but it is to be {value} now; choose another --output."
            )


def _as_argument(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)
