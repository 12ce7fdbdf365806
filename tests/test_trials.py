"""Sweeps and learning curves: every trial once, the winner on validation, and growing shares of the same genes."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState
from typer.testing import CliRunner

from genelm.cli.main import app
from genelm.eval import LearningCurve, read_learning_curve, read_results
from genelm.modeling import read_record
from genelm.storage import InputError
from genelm.training import measure_learning_curve, parse_config, run_sweep, train, trials
from genelm.training.sweep import read_sweep, sweep_table
from genelm.training.trials import run_command

ROOT = Path(__file__).parent.parent
CONFIG = """
model: {model_type: gene_rnn, embedding_size: 8, hidden_size: 8, num_hidden_layers: 1}
train_batch_positions: 1500
warmup_steps: 2
max_steps: 10
eval_steps: 5
use_cpu: true
report_to: none
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let trainings run in this process, which is quicker, and keep the command lines."""
    commands = []

    def run(command: list[str]) -> int:
        arguments = command[command.index("genelm.training") + 1 :]
        commands.append(arguments)
        AcceleratorState._reset_state(reset_partial_state=True)
        train(arguments)
        return 0

    monkeypatch.setattr(trials, "run_command", run)
    return commands


def write_sweep(folder: Path, content: str) -> Path:
    (folder / "base.yaml").write_text(CONFIG)
    (folder / "sweep.yaml").write_text(f"config: base.yaml\n{content}")
    return folder / "sweep.yaml"


def test_every_combination_is_tried_once_and_the_best_on_validation_is_first(
    started: list[list[str]], small_dataset: Path, tmp_path: Path
) -> None:
    file = write_sweep(
        tmp_path, "options: {seed: 3}\ngrid: {model.hidden_size: [4, 8], learning_rate: [1.0e-2, 0.0]}\n"
    )
    entries = run_sweep(file, small_dataset, tmp_path / "out")
    names = [f"hidden_size={size},learning_rate={rate}" for size in (4, 8) for rate in (0.01, 0.0)]
    assert sorted(entry["trial"] for entry in entries) == sorted(names)
    bits = [entry["validation_bits_per_base"] for entry in entries]
    assert bits == sorted(bits)
    assert all(entry["options"]["seed"] == 3 for entry in entries)
    for entry in entries:
        record = json.loads((tmp_path / "out" / "trials" / entry["trial"] / "training_record.json").read_text())
        assert record["best"]["validation_bits_per_base"] == entry["validation_bits_per_base"]
        assert record["config"]["model"]["hidden_size"] == entry["options"]["model.hidden_size"]
    table = (tmp_path / "out" / "sweep.md").read_text()
    assert f"| {entries[0]['trial']} |" in table.splitlines()[2]
    assert "4 of 4 trials" in table
    # Once more: nothing is trained. A trial that was broken off goes on, one without a checkpoint begins anew.
    record = tmp_path / "out" / "trials" / names[1] / "training_record.json"
    record.write_text(record.read_text().replace("all steps taken", "still running"))
    broken = tmp_path / "out" / "trials" / names[2]
    shutil.rmtree(broken)
    (broken / ".checkpoint-00000005").mkdir(parents=True)
    assert len(started) == 4
    assert run_sweep(file, small_dataset, tmp_path / "out") == [
        {**entry, "seconds": pytest.approx(entry["seconds"], abs=60)} for entry in entries
    ]
    assert [("--resume_from_checkpoint" in arguments) for arguments in started[4:]] == [True, False]


def test_a_trial_of_other_options_is_not_taken_for_this_one(
    started: list[list[str]], small_dataset: Path, tmp_path: Path
) -> None:
    run_sweep(write_sweep(tmp_path, "trials: [{learning_rate: 0.01}]"), small_dataset, tmp_path / "out")
    other = write_sweep(tmp_path, "options: {model.hidden_size: 4}\ntrials: [{learning_rate: 0.01}]")
    with pytest.raises(InputError, match=r"whose model is .*'hidden_size': 8.*, but now it is .*'hidden_size': 4"):
        run_sweep(other, small_dataset, tmp_path / "out")
    (tmp_path / "base.yaml").write_text(CONFIG.replace("eval_steps: 5", "eval_steps: 2"))
    with pytest.raises(InputError, match="whose eval_steps is 5, but now it is 2"):
        run_sweep(tmp_path / "sweep.yaml", small_dataset, tmp_path / "out")


def test_a_training_that_fails_does_not_keep_others_from_being_run(
    started: list[list[str]], small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trials.run_command
    monkeypatch.setattr(trials, "run_command", lambda command: 1 if "magic" in command else run(command))
    file = write_sweep(tmp_path, "trials: [{model.cell_type: magic}, {model.cell_type: gru}, {model.cell_type: gru}]")
    with pytest.raises(InputError, match=r"1 of 2 trials failed: cell_type=magic. See above why"):
        run_sweep(file, small_dataset, tmp_path / "out")
    assert "cell_type=gru" in (tmp_path / "out" / "sweep.md").read_text()
    file = write_sweep(tmp_path, "trials: [{model.cell_type: gru}, {optimizer: magic}]")
    started.clear()
    with pytest.raises(InputError, match="--optimizer magic is not known"):
        run_sweep(file, small_dataset, tmp_path / "new")
    assert not started


def test_a_refusal_after_an_interruption_is_not_another_one(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "trial"
    (folder / "checkpoint-00000005").mkdir(parents=True)
    (folder / "training_record.json").write_text(json.dumps({"stopped": "interrupted", "steps": 5}))
    write_sweep(tmp_path, "")
    monkeypatch.setattr(trials, "run_command", lambda command: 2)
    with pytest.raises(trials.TrialFailed, match=r"ended with status 2.*what is done is not done twice"):
        trials.run_trial({}, tmp_path / "base.yaml", small_dataset, folder)


def test_a_trial_cannot_ask_for_null(small_dataset: Path, tmp_path: Path) -> None:
    file = write_sweep(tmp_path, "grid: {early_stopping_patience: [null, 3]}\n")
    with pytest.raises(InputError, match="early_stopping_patience is null, which a trial cannot ask for"):
        run_sweep(file, small_dataset, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no trial"),
        ("grid: {learning_rate: 1}", r"grid is NAME: \[VALUE"),
        ("trials: [1]", "trials is a list of NAME: VALUE"),
        ("gird: {}", "must have the key config"),
        ("grid: [", "cannot be read as YAML"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_sweep(write_sweep(tmp_path, content))


def test_trials_of_many_options_have_names_that_folders_can_have(tmp_path: Path) -> None:
    options = ", ".join(f"model.an_option_of_a_long_name_{number}: 1" for number in range(20))
    file = write_sweep(tmp_path, f"trials: [{{{options}, seed: 1}}, {{{options}, seed: 2}}]")
    names = [trial.name for trial in read_sweep(file)[1]]
    assert len(set(names)) == 2
    assert max(map(len, names)) < 255


def test_the_sweeps_that_come_with_genelm_can_be_read() -> None:
    for file in sorted((ROOT / "configs" / "sweeps").glob("*.yaml")):
        config, planned = read_sweep(file)
        assert config.is_file()
        assert len({trial.name for trial in planned}) == len(planned) > 1


def test_the_dropout_of_the_lstm_is_what_is_best_on_novel_validation_genes() -> None:
    def novel(name: str) -> float:
        results = read_results(ROOT / "docs" / "results" / "optimizers" / f"{name}.json")
        assert results.dataset.split == "validation"
        labels = {"task": "perplexity", "metric": "bits_per_base", "group": "familiarity", "stratum": "novel"}
        return results.find(**labels).value

    assert novel("lstm_muon_dropout") < min(novel("lstm_adamw_dropout"), novel("lstm_muon_10"))
    _, section = parse_config(
        ["--config", str(ROOT / "configs" / "lstm.yaml"), "--data", "d", "--output_dir", "o"], None
    )
    assert section["dropout"] == 0.1


@pytest.mark.parametrize("name", ["lstm", "lstm_five_minutes", "lstm_schedule", "gpt2_five_minutes", "gpt2_schedule"])
def test_the_table_of_a_sweep_is_what_was_measured(name: str) -> None:
    _, planned = read_sweep(ROOT / "configs" / "sweeps" / f"{name}.yaml")
    entries = json.loads((ROOT / "docs" / "results" / "sweeps" / f"{name}.json").read_text())
    assert {entry["trial"] for entry in entries} == {trial.name for trial in planned}
    assert (ROOT / "docs" / "results" / "sweeps" / f"{name}.md").read_text() == sweep_table(entries, len(planned))


@pytest.mark.parametrize("name", ["lstm_five_minutes", "gpt2_five_minutes"])
def test_a_config_is_what_its_sweep_found_best(name: str) -> None:
    entries = json.loads((ROOT / "docs" / "results" / "sweeps" / f"{name}.json").read_text())
    best = min(entries, key=lambda entry: entry["validation_bits_per_base"])
    config, section = parse_config(
        ["--config", str(ROOT / "configs" / f"{name}.yaml"), "--data", "d", "--output_dir", "o"], None
    )
    has = {**vars(config), **{f"model.{key}": value for key, value in section.items()}}
    for option in best["options"].keys() - {"num_train_epochs"}:  # as many as fit into five minutes
        assert has.get(option) == best["options"][option], option


def test_a_learning_curve_is_of_growing_shares(
    started: list[list[str]], small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base.yaml").write_text(CONFIG)

    def measure() -> LearningCurve:
        return measure_learning_curve(
            small_dataset,
            tmp_path / "out",
            fractions=[0.1, 1.0],
            smoothings=["laplace"],
            configs=[tmp_path / "base.yaml"],
            split="validation",
        )

    curve = measure()
    entries = curve.entries
    assert [(entry.model, entry.fraction) for entry in entries] == [
        ("laplace", 0.1),
        ("laplace", 1.0),
        ("base", 0.1),
        ("base", 1.0),
    ]
    # The same share is the same genes for every model.
    assert [entry.bases for entry in entries[:2]] == [entry.bases for entry in entries[2:]]
    assert entries[0].genes == round(entries[1].genes / 10)
    assert all(1 < entry.bits_per_base["all"] < 2.5 for entry in entries)
    assert read_learning_curve(tmp_path / "out" / "learning_curve.json") == curve
    assert (tmp_path / "out" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "| base | 10 % |" in (tmp_path / "out" / "learning_curve.md").read_text()
    assert len(started) == 2
    assert measure() == curve
    assert len(started) == 2


def test_the_command_runs_a_sweep_in_processes_of_their_own(small_dataset: Path, tmp_path: Path) -> None:
    file = write_sweep(tmp_path, "trials: [{learning_rate: 1e-2}, {}]")
    arguments = ["sweep", str(file), "--data", str(small_dataset), "--output", str(tmp_path / "out")]
    for _ in range(2):  # the second time finds them done
        done = CliRunner().invoke(app, [*arguments, "--launch", "--num_processes 1 --num_machines 1 --cpu"])
        assert done.exit_code == 0, done.output
        assert "2 trials; learning_rate=0.01 is best" in done.output
    assert sorted(path.name for path in (tmp_path / "out" / "trials").iterdir()) == ["base", "learning_rate=0.01"]


def test_under_nohup_a_lost_terminal_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hang_up = "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"
        assert run_command([sys.executable, "-c", hang_up]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_sweep_that_is_told_to_stop_lets_the_training_write_a_checkpoint(
    small_dataset: Path, tmp_path: Path
) -> None:
    file = write_sweep(tmp_path, "options: {max_steps: 20000, eval_steps: 5000, save_steps: 10}\ntrials: [{}]")
    places = [str(file), "--data", str(small_dataset), "--output", str(tmp_path / "out")]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "genelm.cli", "sweep", *places], **silent)
    folder = tmp_path / "out" / "trials" / "base"
    while process.poll() is None and not any(folder.glob("checkpoint-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait() != 0
    assert read_record(folder)["stopped"] == "interrupted"
    # Nothing of it goes on in the background.
    latest = sorted(folder.glob("checkpoint-*"))
    time.sleep(1)
    assert sorted(folder.glob("checkpoint-*")) == latest
