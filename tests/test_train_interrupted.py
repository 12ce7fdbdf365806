"""Training that is interrupted: the same bits as if it had not been, and checkpoints that can be trusted."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from training_runs import arguments, assert_equal, last_weights, launched, launcher, start
from transformers import PreTrainedModel

from genelm.dataset_scripts import load_split
from genelm.eval import bits_per_base, score_genes
from genelm.modeling import load_model_folder, read_record
from genelm.storage import InputError, exit_on_error, sha256_of
from genelm.training import main, train, trainer
from genelm.training.checkpoints import output_dir_lock
from genelm.training.interruption import Interruption


def lay_into_one_buffer(layers: torch.nn.LSTM) -> None:
    """Lay the weights of recurrent layers side by side, as cuDNN has them."""
    buffer = torch.cat([weight.detach().flatten() for weight in layers.parameters()])
    for weight, part in zip(layers.parameters(), buffer.split([w.numel() for w in layers.parameters()]), strict=True):
        weight.data = part.view_as(weight)


@pytest.mark.parametrize(("model", "optimizer"), [("lstm", "muon"), ("gpt2", "adamw")])
def test_a_run_that_breaks_off_and_resumes_ends_in_the_same_bits(
    model: str, optimizer: str, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropout = "--model.dropout 0.3" if model == "lstm" else "--model.resid_pdrop 0.3"
    more = f"--save_steps 4 --optimizer {optimizer} {dropout}"
    save, build = trainer.save_checkpoint, main.build_model

    def build_as_on_a_gpu(section: dict[str, Any]) -> PreTrainedModel:
        built = build(section)
        if model == "lstm":
            lay_into_one_buffer(built.model.layers)
        return built

    def save_and_die(accelerator, config, progress, record) -> None:
        save(accelerator, config, progress, record)
        if progress.step == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(main, "build_model", build_as_on_a_gpu)
    train(arguments(small_dataset, tmp_path / "whole", model, more))
    with monkeypatch.context() as dying:
        dying.setattr(trainer, "save_checkpoint", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(arguments(small_dataset, tmp_path / "broken", model, more))
    assert not (tmp_path / "broken" / "checkpoint-00000012").exists()
    train(arguments(small_dataset, tmp_path / "broken", model, more + " --resume_from_checkpoint latest"))

    assert_equal(last_weights(tmp_path / "broken"), last_weights(tmp_path / "whole"))
    whole, broken = (json.loads((tmp_path / run / "training_record.json").read_text()) for run in ("whole", "broken"))
    figures = [[entry["validation_bits_per_base"] for entry in record["history"]] for record in (whole, broken)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("before", "after", "schedule"),
    [
        ("--max_steps 8", "--max_steps 14", "constant"),
        ("--max_steps 8", "--max_steps 14", "inverse_sqrt"),
        ("--max_steps -1 --num_train_epochs 1", "--max_steps -1 --num_train_epochs 2", "constant_with_warmup"),
        ("--max_steps 8", "--max_steps -1 --num_train_epochs 2", "constant"),
        ("--max_steps 8 --warmup_steps 8 --save_steps 7", "--max_steps 14 --warmup_steps 8 --save_steps 7", "linear"),
    ],
)
def test_a_run_that_is_made_longer_takes_the_steps_of_a_long_one(
    before: str, after: str, schedule: str, small_dataset: Path, tmp_path: Path
) -> None:
    more = f"--lr_scheduler_type {schedule} --model.dropout 0.3 --eval_steps 5 --logging_steps 1"
    long, grown = (tmp_path / name for name in ("long", "grown"))
    train(arguments(small_dataset, long, "lstm", f"{more} {after}"))
    train(arguments(small_dataset, grown, "lstm", f"{more} {before}"))
    train(arguments(small_dataset, grown, "lstm", f"{more} {after} --resume_from_checkpoint latest"))
    records = [read_record(folder) for folder in (long, grown)]
    assert records[0]["steps"] == records[1]["steps"] > 8
    for name in ("max_steps", "num_train_epochs"):
        assert records[0]["config"][name] == records[1]["config"][name]
    curves = [
        [(entry["step"], entry["learning_rate"], entry["bits_per_base"]) for entry in r["curve"]] for r in records
    ]
    assert curves[0] == curves[1]
    assert records[1]["stopped"] == "all steps taken"
    last = max(path.name for path in long.glob("checkpoint-*"))
    assert_equal(*(torch.load(folder / last / "pytorch_model.bin") for folder in (long, grown)))


def test_a_length_that_changes_the_steps_already_taken_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "run", "lstm", "--max_steps 8 --eval_steps 4"))
    before = sorted((tmp_path / "run").rglob("*"))
    for more, message in (
        ("--max_steps 12", "its schedule, cosine, spreads .* which were to be 8, .* --max_steps 8.* or train anew"),
        ("--max_steps 6", "for 6 steps in all: its run has taken 8; give more, or the length that it had: .*steps 8"),
    ):
        options = f"{more} --eval_steps 4 --resume_from_checkpoint latest --report_to tensorboard"
        with pytest.raises(InputError, match=message):
            train(arguments(small_dataset, tmp_path / "run", "lstm", options))
    assert sorted((tmp_path / "run").rglob("*")) == before


def test_a_run_that_is_to_be_longer_says_so_before_it_has_come_there(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "--lr_scheduler_type constant --save_steps 4"
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --max_steps 8"))

    def die(self: trainer.Trainer) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.Trainer, "train", die)
    with pytest.raises(KeyboardInterrupt):
        train(arguments(small_dataset, folder, "lstm", f"{more} --max_steps 16 --resume_from_checkpoint latest"))
    record = read_record(folder)
    assert (record["config"]["max_steps"], record["steps"], record["stopped"]) == (16, 8, "still running")


def test_a_resumed_run_that_fails_is_not_taken_for_an_interrupted_one(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", "--save_steps 4"))
    record = read_record(folder) | {"stopped": "interrupted"}
    (folder / "training_record.json").write_text(json.dumps(record))

    def fail(self: trainer.Trainer) -> str:
        raise InputError("The loss is not finite.")

    monkeypatch.setattr(trainer.Trainer, "train", fail)
    with pytest.raises(InputError, match="not finite"):
        train(arguments(small_dataset, folder, "lstm", "--save_steps 4 --resume_from_checkpoint latest"))
    assert read_record(folder) == record | {"stopped": "still running"}


def test_two_runs_do_not_write_to_one_folder(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run"))
    with output_dir_lock(folder), pytest.raises(InputError, match="Another run is writing to"):
        train(arguments(small_dataset, folder, "lstm", "--resume_from_checkpoint latest"))
    train(arguments(small_dataset, folder, "lstm", "--resume_from_checkpoint latest"))


def test_the_last_checkpoints_are_kept(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", "--save_steps 2 --save_total_limit 3"))
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == [f"checkpoint-{n:08d}" for n in (8, 10, 12)]
    modes = {file.stat().st_mode for file in folder.rglob("*") if file.is_file()}
    assert modes == {(folder / "training_record.json").stat().st_mode}  # others may read all of it, or none


def test_from_an_older_checkpoint_the_model_is_that_of_the_record(
    small_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    more = "--eval_steps 2 --save_total_limit 9 --early_stopping_patience 9"
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    (folder / "checkpoint-of-mine").mkdir()
    later = sorted(path.name for path in folder.glob("checkpoint-0*"))[2:]
    # The model beside it is of a later step, and nothing that follows is better: it is not what is recorded.
    progress = folder / "checkpoint-00000004" / "progress.json"
    content = json.loads(progress.read_text())
    content["progress"] |= {"best_step": 2, "best_bits_per_base": 0.5}
    progress.write_text(json.dumps(content))
    sums = progress.with_name("sha256.json")
    sums.write_text(json.dumps(json.loads(sums.read_text()) | {"progress.json": sha256_of(progress)}))
    train(arguments(small_dataset, folder, "lstm", f"{more} --resume_from_checkpoint {progress.parent}"))
    assert [name for name in later if f"{name} is of a later step and is removed" in caplog.text][:1]
    best = json.loads((folder / "training_record.json").read_text())["best"]
    assert best["step"] > 4
    model, _ = load_model_folder(folder)
    genes = load_split(small_dataset, "validation")["sequence"][:]
    scores = score_genes(model, genes)
    assert bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(best["validation_bits_per_base"], abs=1e-6)
    assert (folder / "checkpoint-of-mine").is_dir()


def test_a_checkpoint_without_the_model_of_its_run_ends_in_a_model(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", "--learning_rate 0"))
    (tmp_path / "copy").mkdir()
    # Nothing is better than what a checkpoint knows of, whose weights are left behind; and the last has no step left.
    for step in (6, 12):
        name = f"checkpoint-{step:08d}"
        (folder / name).rename(tmp_path / "copy" / name)
        more = f"--learning_rate 0 --resume_from_checkpoint {tmp_path / 'copy' / name}"
        copy = train(arguments(small_dataset, tmp_path / "copy", "lstm", more))
        record = json.loads((copy / "training_record.json").read_text())
        assert record["best"]["step"] == 12
        assert [entry["step"] for entry in record["history"]] == [6, 12]
        load_model_folder(copy)
        shutil.rmtree(copy)
        copy.mkdir()


@pytest.mark.parametrize("words", ["unexpected pos 64 vs 0", "No space left on device (os error 28)"])
def test_a_disk_that_is_full_leaves_no_half_checkpoint(
    words: str,
    small_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(accelerator: Accelerator, folder: str, **_: object) -> None:
        Path(folder).mkdir()
        raise RuntimeError(words)

    monkeypatch.setattr(Accelerator, "save_state", fail)
    with pytest.raises(SystemExit), exit_on_error("train.py"):
        train(arguments(small_dataset, tmp_path / "run"))
    assert capsys.readouterr().err.splitlines()[-1].startswith("train.py: The disk is full")
    assert not list((tmp_path / "run").glob(".checkpoint-*"))


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="cannot be written to; choose another --output_dir"):
        train(arguments(small_dataset, tmp_path / "run"))


def test_another_run_is_not_resumed(small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "run"))
    before = sorted((tmp_path / "run").rglob("*"))
    for more, message in (
        ("--seed 1", "its seed is 0, but now it is 1"),
        ("--model.hidden_size 8", "its model is"),
        ("--learning_rate 1e-5", "its learning_rate is"),
        ("--eval_steps 3", "its eval_steps is 6, but now it is 3"),
    ):
        options = f"--resume_from_checkpoint latest --report_to tensorboard {more}"
        with pytest.raises(InputError, match=message):
            train(arguments(small_dataset, tmp_path / "run", "lstm", options))
    assert sorted((tmp_path / "run").rglob("*")) == before
    options = f"--resume_from_checkpoint {tmp_path / 'run' / 'checkpoint-00000012'}"
    with pytest.raises(InputError, match="lies outside"):
        train(arguments(small_dataset, tmp_path / "other", "lstm", options))
    assert not (tmp_path / "other").exists()


def killed_again_and_again(data: Path, folder: Path, kills: int, processes: int) -> None:
    """Train once in peace and once killed at random moments, and compare the last weights bit for bit."""
    more = f"--max_steps {5 * kills + 10} --save_steps 5 --eval_steps 10 --model.dropout 0.3"
    assert start(launched(data, folder / "whole", more, processes)).wait() == 0
    moments = random.Random(0)
    for kill in range(kills + 1):
        before = {path.name for path in (folder / "killed").glob("checkpoint-*")}
        resume = " --resume_from_checkpoint latest" if before else ""
        process = start(launched(data, folder / "killed", more + resume, processes))
        if kill == kills:
            assert process.wait() == 0
            break
        # Sooner or later after the next checkpoint: within steps, a validation, or the checkpoint after it.
        while process.poll() is None and before >= {path.name for path in (folder / "killed").glob("checkpoint-*")}:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.3))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert_equal(last_weights(folder / "killed", 5 * kills + 10), last_weights(folder / "whole", 5 * kills + 10))
    whole, killed = (json.loads((folder / run / "training_record.json").read_text()) for run in ("whole", "killed"))
    for part, name in (("history", "validation_bits_per_base"), ("curve", "bits_per_base")):
        assert [entry[name] for entry in whole[part]] == [entry[name] for entry in killed[part]]


def test_a_killed_run_ends_in_the_same_bits(small_dataset: Path, tmp_path: Path) -> None:
    killed_again_and_again(small_dataset, tmp_path, kills=1, processes=1)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_killed_twenty_times_ends_in_the_same_bits(processes: int, small_dataset: Path, tmp_path: Path) -> None:
    killed_again_and_again(small_dataset, tmp_path, kills=20, processes=processes)


@pytest.mark.parametrize("launch", [[sys.executable, "train.py"], [*launcher(1), "train.py"]])
def test_a_run_that_is_told_to_stop_writes_a_checkpoint_first(
    launch: list[str], small_dataset: Path, tmp_path: Path
) -> None:
    more = "--max_steps 4000 --save_steps 20 --eval_steps 4000"
    command = [*launch, *arguments(small_dataset, tmp_path / "run", "lstm", more)]
    process = start(command, stdout=subprocess.PIPE)
    while process.poll() is None and not (tmp_path / "run" / "checkpoint-00000020").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()  # the launcher ends at once, and the run ends its output
    assert process.returncode == (128 + signal.SIGTERM if len(launch) == 2 else -signal.SIGTERM)
    step = max(int(path.name.split("-")[1]) for path in (tmp_path / "run").glob("checkpoint-*"))
    assert said == f"Interrupted at step {step}; --resume_from_checkpoint latest goes on from there.\n"


@pytest.mark.slow
def test_two_processes_that_are_told_to_stop_end_at_the_same_step(small_dataset: Path, tmp_path: Path) -> None:
    more = "--max_steps 100000 --save_steps 20 --eval_steps 50000"
    process = start(launched(small_dataset, tmp_path / "run", more, processes=2))
    while process.poll() is None and not list((tmp_path / "run").glob("checkpoint-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # the launcher hands it on
    assert process.wait(timeout=600) != 0
    step = max(int(path.name.split("-")[1]) for path in (tmp_path / "run").glob("checkpoint-*"))
    more = more.replace("--save_steps 20", f"--save_steps {step + 5}")
    process = start(launched(small_dataset, tmp_path / "run", more + " --resume_from_checkpoint latest", processes=2))
    while process.poll() is None and not (tmp_path / "run" / f"checkpoint-{step + 5:08d}").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=600) != 0
    assert (tmp_path / "run" / f"checkpoint-{step + 5:08d}").exists()


def test_a_damaged_checkpoint_is_skipped_and_named(
    small_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    more = "--save_steps 4 --save_total_limit 3"
    train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    whole = last_weights(tmp_path / "run")
    weights, progress = (tmp_path / "run" / name for name in ("checkpoint-00000012", "checkpoint-00000008"))
    damaged = bytearray((weights / "pytorch_model.bin").read_bytes())
    damaged[-1] ^= 1
    (weights / "pytorch_model.bin").write_bytes(damaged)
    written = (progress / "progress.json").read_text()
    (progress / "progress.json").write_text(written.replace('"step": 8', '"step": 9', 1))
    train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --resume_from_checkpoint latest"))
    said = caplog.text
    assert "checkpoint-00000012 is damaged and was skipped: pytorch_model.bin is not what was written" in said
    assert "checkpoint-00000008 is damaged and was skipped: progress.json is not what was written" in said
    assert "Going on from" in said
    assert "step 4 of 12" in said
    assert_equal(last_weights(tmp_path / "run"), whole)
    for folder in (tmp_path / "run").glob("checkpoint-*"):
        (folder / "optimizer.bin").unlink()
    with pytest.raises(InputError, match=r"optimizer\.bin is missing.* No whole checkpoint is left"):
        train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --resume_from_checkpoint latest"))


def test_a_new_run_does_not_write_into_another(small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty; choose another"):
        train(arguments(small_dataset, tmp_path / "run"))
    # What a run leaves that was killed before its first checkpoint is nothing to lose: logs, half a file, a model.
    for path in ("logs", ".saving-x", ".checkpoint-00000003"):
        (tmp_path / "broken_off" / path).mkdir(parents=True)
    train(arguments(small_dataset, tmp_path / "broken_off"))
    assert not list((tmp_path / "broken_off").glob(".*-*"))
    record = json.loads((tmp_path / "broken_off" / "training_record.json").read_text())
    for path in (tmp_path / "broken_off").glob("checkpoint-*"):
        shutil.rmtree(path)
    with pytest.raises(InputError, match="is not empty; choose another"):
        train(arguments(small_dataset, tmp_path / "broken_off"))
    (tmp_path / "broken_off" / "training_record.json").write_text(json.dumps(record | {"stopped": "still running"}))
    train(arguments(small_dataset, tmp_path / "broken_off"))
    with pytest.raises(InputError, match="is not empty; go on with its run"):
        train(arguments(small_dataset, tmp_path / "broken_off"))


@pytest.mark.parametrize(("handler", "wanted"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_terminal_that_is_gone_ends_a_run_unless_under_nohup(handler: signal.Handlers, wanted: bool) -> None:
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with Interruption(os.getppid()) as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.stop_requested == wanted
        assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_launcher_that_is_gone_was_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_DYNAMO_BACKEND", raising=False)
    alone = Interruption(os.getppid())
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "NO")
    launched_one = Interruption(os.getppid())
    assert not launched_one.stop_requested
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert not alone.stop_requested  # a shell may go, as under nohup
    assert Interruption(os.getppid() + 1).stop_requested  # gone while the libraries were loaded
    with launched_one:
        assert launched_one.stop_requested
        os.kill(os.getpid(), signal.SIGTERM)  # the same wish
        assert launched_one.signal == signal.SIGTERM
