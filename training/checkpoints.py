"""Checkpoints: written whole or not at all, checked before they are used, and what a resumed run must share."""

import contextlib
import dataclasses
import fcntl
import json
import logging
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from genelm.modeling import is_model_file, read_record
from genelm.storage import InputError, apply_umask, sha256_of, write_json

from .options import LENGTH, OPEN_ENDED, RESUME_KEYS, TrainingConfig
from .progress import STILL_RUNNING, Progress
from .training_genes import TrainingGenes

log = logging.getLogger(__name__)

PROGRESS_FILE = "progress.json"
CHECKSUM_FILE = "sha256.json"
LOGS_FOLDER = "logs"


def checkpoints(output_dir: Path) -> list[Path]:
    """Return the checkpoints in the folder of a run, whole or damaged, the oldest first.

    Folders of other names, such as copies of a user's, are none.
    """
    return sorted(path for path in output_dir.glob(f"checkpoint-{'[0-9]' * 8}") if path.is_dir())


def fixed_facts(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a run that is resumed must have in common with the one that was broken off, but for its length."""
    facts = {name: record["config"][name] for name in (*RESUME_KEYS, "model")}
    how = {name: record[name] for name in ("mixed_precision", "sharded")}
    return facts | how | {"dataset": record["dataset"]["fingerprint"]}


def save_checkpoint(
    accelerator: Accelerator, config: TrainingConfig, progress: Progress, record: dict[str, Any]
) -> None:
    """Write `output_dir/checkpoint-STEP`, whole or not at all, and drop the oldest beyond `save_total_limit`."""
    final = Path(config.output_dir) / f"checkpoint-{progress.step:08d}"
    unfinished = final.with_name(f".{final.name}")
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
    accelerator.wait_for_everyone()
    try:
        # On a GPU the weights of a recurrent network lie in one buffer: one weight alone, for safetensors.
        accelerator.save_state(str(unfinished), safe_serialization=False)
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            content = {
                "progress": dataclasses.asdict(progress),
                "fixed": fixed_facts(record),
                "length": {name: getattr(config, name) for name in LENGTH},
                "cpu_threads": torch.get_num_threads(),
            }
            write_json(unfinished / PROGRESS_FILE, content)
            files = sorted(path for path in unfinished.rglob("*") if path.is_file())
            for file in files:
                apply_umask(file)
            checksums = {file.relative_to(unfinished).as_posix(): sha256_of(file) for file in files}
            write_json(unfinished / CHECKSUM_FILE, checksums)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(unfinished, final)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if accelerator.is_main_process:
        for old in checkpoints(final.parent)[: -config.save_total_limit]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()


def threads_of(checkpoint: Path | None) -> int | None:
    """Return on how many threads of a CPU the run of a checkpoint computed; sums over them depend on their number."""
    if checkpoint is None:
        return None
    threads: int | None = json.loads((checkpoint / PROGRESS_FILE).read_text()).get("cpu_threads")
    return threads


def check_length(folder: Path, config: TrainingConfig, genes: TrainingGenes) -> None:
    """Refuse to go on to another length where the steps of a checkpoint would not have been taken on the way there.

    Raises:
        InputError: the learning rate of these steps came of the length that the run was to have, or the run is past
            the new one.
    """
    content = json.loads((folder / PROGRESS_FILE).read_text())
    step = content["progress"]["step"]
    kept = content.get("length", content["fixed"])  # where older checkpoints have it
    length = {name: kept[name] for name in LENGTH}
    if all(getattr(config, name) == value for name, value in length.items()):
        return
    before, now = genes.steps(dataclasses.replace(config, **length)), genes.steps(config)
    if now == before:
        return
    cannot = f"{folder} cannot be resumed for {now} steps in all"
    same = " ".join(f"--{name} {value}" for name, value in length.items())
    if now <= step:
        raise InputError(f"{cannot}: its run has taken {step}; give more, or the length that it had: {same}.")
    # While it rises, the learning rate is the same in runs of all lengths.
    if config.lr_scheduler_type not in OPEN_ENDED and step >= config.warmup_steps:
        raise InputError(
            f"{cannot}: its schedule, {config.lr_scheduler_type}, spreads the fall of the learning rate over all "
            f"steps, which were to be {before}, so a run of {now} would not have come by here. Give the length that "
            f"it had ({same}), or train anew in another --output_dir; with one of the schedules "
            f"{', '.join(OPEN_ENDED)} a run can be made longer."
        )


def load_checkpoint(accelerator: Accelerator, folder: Path, record: dict[str, Any]) -> Progress:
    """Restore the state of model, optimizer and schedule, and return how far the run had come.

    Checkpoints of later steps, which were damaged or passed over, are removed, and it is said: the run writes them
    anew. Where the model beside them is not the best one of the checkpoint's run so far, but of a later step, or there
    is none, what the next validation finds is kept instead.

    Raises:
        InputError: the checkpoint is of a run on other data or with other options.
    """
    content = json.loads((folder / PROGRESS_FILE).read_text())
    for name, value in fixed_facts(record).items():
        if content["fixed"].get(name) != value:
            raise InputError(
                f"{folder} cannot be resumed: its {name} is {content['fixed'].get(name)}, but now it is {value}; give "
                "the same, or start anew in another --output_dir."
            )
    accelerator.load_state(str(folder))
    accelerator.wait_for_everyone()
    progress = Progress(**content["progress"])
    if read_record(folder.parent).get("best", {}).get("step") != progress.best_step:
        progress.best_step, progress.best_bits_per_base, progress.validations_since_best = 0, math.inf, 0
    if accelerator.is_main_process:
        for other in checkpoints(folder.parent):
            if other.name > folder.name:
                log.info("%s is of a later step and is removed.", other)
                shutil.rmtree(other)
    return progress


@contextlib.contextmanager
def output_dir_lock(output_dir: Path) -> Iterator[None]:
    """Keep other runs out of a folder while this one writes there; the first of several processes does it for all.

    Raises:
        InputError: another run has the folder.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    made = [path for path in (output_dir, *output_dir.parents) if not path.exists()]
    output_dir.mkdir(parents=True, exist_ok=True)
    if not os.access(output_dir, os.W_OK):
        raise InputError(f"{output_dir} cannot be written to; choose another --output_dir.")
    folder = os.open(output_dir, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise InputError(
            f"Another run is writing to {output_dir}; wait for it, end it, or choose another --output_dir."
        ) from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(folder)
        for path in made:
            with contextlib.suppress(OSError):  # it has content
                path.rmdir()


def remove_leftovers(config: TrainingConfig) -> None:
    """Remove what a run that was killed had begun to write."""
    for pattern in (".checkpoint-*", ".saving-*"):
        for path in Path(config.output_dir).glob(pattern):
            shutil.rmtree(path)


def checkpoint_to_resume(config: TrainingConfig) -> tuple[Path | None, list[str]]:
    """Return the checkpoint to go on from, or None for a new run, and what is wrong with newer ones.

    Raises:
        InputError: there is no whole checkpoint, or a new run would write into the folder of another.
    """
    output_dir = Path(config.output_dir)
    if config.resume_from_checkpoint is None:
        if output_dir.is_file():
            raise InputError(f"{output_dir} is a file; choose another --output_dir.")
        if output_dir.is_dir() and not _is_broken_off(output_dir):
            resume = "go on with its run by --resume_from_checkpoint latest, or " if checkpoints(output_dir) else ""
            raise InputError(f"{output_dir} is not empty; {resume}choose another --output_dir.")
        return None, []
    if config.resume_from_checkpoint != "latest":
        folder = Path(config.resume_from_checkpoint)
        if not (folder / PROGRESS_FILE).is_file():
            raise InputError(f"--resume_from_checkpoint {folder} is not a checkpoint: it has no {PROGRESS_FILE}.")
        if folder.resolve().parent != output_dir.resolve():
            raise InputError(
                f"--resume_from_checkpoint {folder} lies outside --output_dir {output_dir}, but the best model of its "
                "run lies beside it; give the output_dir of that run."
            )
        damage = _damage(folder)
        if damage is not None:
            raise InputError(
                f"--resume_from_checkpoint {folder} is damaged: {damage}; give an older one, or `latest`."
            )
        return folder, []
    skipped: list[str] = []
    for folder in reversed(checkpoints(output_dir)):
        damage = _damage(folder)
        if damage is None:
            return folder, skipped
        skipped.append(f"{folder} is damaged and was skipped: {damage}.")
    if skipped:
        raise InputError(f"{' '.join(skipped)} No whole checkpoint is left; start anew in another --output_dir.")
    raise InputError(
        f"--resume_from_checkpoint latest: {output_dir} has no checkpoint; leave the option out to start anew."
    )


def _is_broken_off(folder: Path) -> bool:
    """Return whether a folder has at most a run that was broken off before its first checkpoint: nothing to lose."""
    names = {path.name for path in folder.iterdir()} - {LOGS_FOLDER}
    begun = {name for name in names if name.startswith((".checkpoint-", ".saving-"))}
    files = names - begun
    record = read_record(folder).get("stopped", STILL_RUNNING if begun else None)
    return all(map(is_model_file, files)) and (not files or record == STILL_RUNNING)


def _damage(folder: Path) -> str | None:
    """Return what is wrong with a checkpoint; None if it is what was written."""
    try:
        checksums = dict(json.loads((folder / CHECKSUM_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return f"its {CHECKSUM_FILE} is missing or cannot be read"
    for name in {PROGRESS_FILE, *checksums}:
        if not (folder / name).is_file():
            return f"{name} is missing"
        if sha256_of(folder / name) != checksums.get(name):
            return f"{name} is not what was written (its SHA-256 differs)"
    return None
