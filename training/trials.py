"""Trainings one after the other, each a process of its own: started, gone on with, or already done."""

import contextlib
import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from genelm.dataset_scripts import dataset_facts, read_manifest
from genelm.modeling import read_record
from genelm.storage import InputError, TrainingError

from .checkpoints import checkpoints
from .options import LENGTH, RESUME_KEYS, check_config, parse_config
from .progress import INTERRUPTED, STILL_RUNNING


class TrialFailed(TrainingError):
    """A training has ended without a model, and has said why."""


UNFINISHED = (STILL_RUNNING, INTERRUPTED)
IDENTITY_KEYS = (*RESUME_KEYS, *LENGTH, "mixed_precision", "early_stopping_patience")
"""Options without which a training would have come to something else."""


def finished_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of a training that has come to its end, None where there is none."""
    record = read_record(folder)
    return record if record.get("stopped", STILL_RUNNING) not in UNFINISHED else None


def check_trial(options: dict[str, Any], config: Path, data: Path, folder: Path) -> None:
    """Refuse options and data that no training could begin with; arguments as of `run_trial`.

    Raises:
        InputError: says what cannot be used.
    """
    read_manifest(data)
    parsed, _ = parse_config(_as_arguments({**options, "config": config, "data": data, "output_dir": folder}), None)
    check_config(parsed)


def run_trial(options: dict[str, Any], config: Path, data: Path, folder: Path, launch: str = "") -> dict[str, Any]:
    """Train as `accelerate launch train.py` does, unless that is done; a training that was broken off goes on.

    Args:
        options: of `train.py`, those of the model as `model.NAME`; what differs from the config.
        config: a YAML file.
        data: folder that `genelm data build` wrote.
        folder: of the run.
        launch: options of `accelerate launch`, as on its command line.

    Returns:
        The training record.

    Raises:
        TrialFailed: it did.
        InputError: another training lies in the folder.
        KeyboardInterrupt: it was told to stop.
    """
    options = {**options, "config": config, "data": data, "output_dir": folder}
    done = finished_record(folder)
    if done is not None:
        _check_same(_as_arguments(options), done, data, folder)
        return done
    if checkpoints(folder):
        options["resume_from_checkpoint"] = "latest"
    command = [sys.executable, "-m", "accelerate.commands.launch", "--quiet", *shlex.split(launch)]
    before = read_record(folder)
    status = run_command([*command, "-m", "genelm.training", *_as_arguments(options)])
    # Where nothing has changed, it was refused before it could be interrupted again.
    if read_record(folder).get("stopped") == INTERRUPTED and read_record(folder) != before:
        raise KeyboardInterrupt
    record = finished_record(folder)
    if status or record is None:
        raise TrialFailed(
            f"The training {folder} ended with status {status}; see above why, correct it, and give the same command "
            "again: what is done is not done twice."
        )
    return record


def run_command(command: list[str]) -> int:
    """Run a command and return its status; where this process is told to stop, all of the command is, and waited for.

    Raises:
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ends = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        ends.append(signal.SIGHUP)  # the terminal is gone
    before = [signal.signal(number, stop) for number in ends]
    # Time for a checkpoint: the launcher of several processes would kill them after half a minute.
    environment = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "600", **os.environ}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        status = process.wait()
        if status < 0:  # somebody ended the launcher; its run notices
            _wait_for_session(process.pid)
        return status
    except KeyboardInterrupt:
        # The launcher of a single process does not wait for it: the whole session is told, and waited for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        _wait_for_session(process.pid)
        raise
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)


def _wait_for_session(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(number, 0)
            with contextlib.suppress(ChildProcessError):  # in a container, what others left may be ours to reap
                os.waitpid(-number, os.WNOHANG)
            time.sleep(0.1)


def _check_same(arguments: list[str], record: dict[str, Any], data: Path, folder: Path) -> None:
    """Refuse a finished training of other data or other options in the same folder."""
    config, section = parse_config(arguments, None)
    had, wanted = record.get("config", {}), {**dataclasses.asdict(config), "model": section}
    different = [name for name in (*IDENTITY_KEYS, "model") if had.get(name) != wanted[name]]
    if record["dataset"]["fingerprint"] != dataset_facts(read_manifest(data))["fingerprint"]:
        different.append("data")
    if different:
        name = different[0]
        raise InputError(
            f"{folder} holds a finished training whose {name} is {had.get(name)}, but now it is {wanted[name]}; "
            "choose another --output."
        )


def _as_arguments(options: dict[str, Any]) -> list[str]:
    for name, value in options.items():
        if value is None and not name.startswith("model."):
            raise InputError(f"{name} is null, which a trial cannot ask for; leave it out, or write a config for it.")
    return [part for name, value in options.items() for part in (f"--{name}", _as_argument(value))]


def _as_argument(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)
