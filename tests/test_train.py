"""Training: the folder it leaves, the same weights however the work is split or interrupted, and clear refusals."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import ANY

import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from genelm.dataset_scripts import HumanGenesConfig, build_dataset, load_split
from genelm.eval import bits_per_base, score_genes
from genelm.model_cards import render_model_card
from genelm.storage import InputError
from genelm.training import build_model, parse_config, run, train

ROOT = Path(__file__).parent.parent
TINY = {
    "lstm": "--model.model_type gene_rnn --model.embedding_size 8 --model.hidden_size 16",
    "gru": "--model.model_type gene_rnn --model.cell_type gru --model.embedding_size 8 --model.hidden_size 16",
    "gpt2": "--model.model_type gpt2 --model.n_positions 128 --model.n_embd 16 --model.n_layer 2 --model.n_head 2 "
    "--model.resid_pdrop 0 --model.embd_pdrop 0 --model.attn_pdrop 0",
    "llama": "--model.model_type llama --model.hidden_size 16 --model.intermediate_size 32 "
    "--model.num_hidden_layers 2 --model.num_attention_heads 2 --model.max_position_embeddings 128",
    "mamba": "--model.model_type mamba --model.hidden_size 16 --model.state_size 4 --model.num_hidden_layers 1",
}


def arguments(data: Path, output_dir: Path, model: str = "lstm", more: str = "") -> list[str]:
    options = "--use_cpu true --max_steps 12 --eval_steps 6 --train_batch_positions 1500 --warmup_steps 2"
    options += f" --report_to none --mixed_precision no {more}"
    return ["--data", str(data), "--output_dir", str(output_dir), *TINY[model].split(), *options.split()]


def last_weights(output_dir: Path, step: int = 12) -> dict[str, torch.Tensor]:
    weights = load_file(output_dir / f"checkpoint-{step:08d}" / "model.safetensors")
    return {name: weight.clone() for name, weight in weights.items()}  # not the file itself, mapped into memory


def assert_equal(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor], tolerance: float = 0.0) -> None:
    assert some.keys() == others.keys()
    for name, weight in some.items():
        assert (weight - others[name]).abs().max() <= tolerance, name


@pytest.mark.parametrize("model", TINY)
def test_a_model_folder_comes_out(model: str, small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", model))
    record = json.loads((folder / "training_record.json").read_text())
    network = AutoModelForCausalLM.from_pretrained(folder)
    assert record["parameters"] == network.num_parameters()
    assert [entry["step"] for entry in record["history"]] == [6, 12]
    assert record["dataset"]["bases"] == sum(load_split(small_dataset, "train")["length"])
    # What the record says of the kept model is what the scorer says of the loaded one.
    scores = score_genes(network, list(load_split(small_dataset, "validation")["sequence"]))
    best = record["best"]["validation_bits_per_base"]
    assert bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(best, abs=1e-6)
    assert best == min(entry["validation_bits_per_base"] for entry in record["history"])
    assert AutoTokenizer.from_pretrained(folder)("ACGT")["input_ids"] == [2, 4, 5, 6, 7]
    written = pipeline("text-generation", model=str(folder))("ATGGCC", max_new_tokens=20)[0]["generated_text"]
    assert set(written) <= set("ACGT")


@pytest.mark.parametrize("model", ["gru", "gpt2"])
def test_it_learns(model: str, tmp_path: Path) -> None:
    fasta = tmp_path / "repeats.fa"
    fasta.write_text("".join(f">repeat{n}\n{('AACGGT' * 20)[n % 6 : 40 + n]}\n" for n in range(60)))
    data = tmp_path / "data"
    data.mkdir()
    build_dataset(HumanGenesConfig(source="fasta", input=fasta), data, "made by a test")
    more = "--max_steps 150 --eval_steps 150 --learning_rate 1e-2"
    folder = train(arguments(data, tmp_path / "run", model, more))
    record = json.loads((folder / "training_record.json").read_text())
    assert record["best"]["validation_bits_per_base"] < 0.3  # all but the first bases of a repeat are certain


@pytest.mark.parametrize("model", ["lstm", "gpt2"])
def test_a_run_that_breaks_off_and_resumes_ends_in_the_same_bits(
    model: str, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropout = "--model.dropout 0.3" if model == "lstm" else "--model.resid_pdrop 0.3"
    more = f"--save_steps 4 {dropout}"
    train(arguments(small_dataset, tmp_path / "whole", model, more))

    save = run.save_checkpoint

    def save_and_die(accelerator, config, progress, record) -> None:
        save(accelerator, config, progress, record)
        if progress.step == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "save_checkpoint", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(arguments(small_dataset, tmp_path / "broken", model, more))
    monkeypatch.undo()
    assert not (tmp_path / "broken" / "checkpoint-00000012").exists()
    train(arguments(small_dataset, tmp_path / "broken", model, more + " --resume_from_checkpoint latest"))

    assert_equal(last_weights(tmp_path / "broken"), last_weights(tmp_path / "whole"))
    whole, broken = (json.loads((tmp_path / run / "training_record.json").read_text()) for run in ("whole", "broken"))
    figures = [[entry["validation_bits_per_base"] for entry in record["history"]] for record in (whole, broken)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("model", ["lstm", "gpt2"])
def test_slices_do_not_change_the_step(model: str, small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "one", model))
    train(arguments(small_dataset, tmp_path / "three", model, "--gradient_accumulation_steps 3"))
    assert_equal(last_weights(tmp_path / "one"), last_weights(tmp_path / "three"), tolerance=1e-6)


def test_two_processes_end_with_the_weights_of_one(small_dataset: Path, tmp_path: Path) -> None:
    validations = []
    for processes in (1, 2):
        command = launched(small_dataset, tmp_path / f"run{processes}", "", processes)
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        record = json.loads((tmp_path / f"run{processes}" / "training_record.json").read_text())
        assert record["processes"] == processes
        validations.append([entry["validation_bits_per_base"] for entry in record["history"]])
    assert_equal(last_weights(tmp_path / "run1"), last_weights(tmp_path / "run2"), tolerance=1e-6)
    assert validations[1] == pytest.approx(validations[0], abs=1e-6)


def test_it_stops_early_and_keeps_the_best(small_dataset: Path, tmp_path: Path) -> None:
    more = "--learning_rate 0 --eval_steps 2 --early_stopping_patience 2"
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    record = json.loads((folder / "training_record.json").read_text())
    assert [entry["step"] for entry in record["history"]] == [2, 4, 6]
    assert (record["best"]["step"], record["stopped"]) == (2, "no better validation in 2")
    train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --resume_from_checkpoint latest"))
    again = json.loads((folder / "training_record.json").read_text())
    assert again == {**record, "command": ANY, "config": ANY, "peak_memory_gb": ANY}


def test_mixed_precision_is_for_training_alone(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "gpt2", "--mixed_precision bf16"))
    record = json.loads((folder / "training_record.json").read_text())
    assert record["mixed_precision"] == "bf16"
    AcceleratorState._reset_state(reset_partial_state=True)
    full = train(arguments(small_dataset, tmp_path / "full", "gpt2", "--mixed_precision no"))
    weights, in_full = load_file(folder / "model.safetensors"), load_file(full / "model.safetensors")
    assert any(not torch.equal(weight, in_full[name]) for name, weight in weights.items())
    network = AutoModelForCausalLM.from_pretrained(folder)
    scores = score_genes(network, list(load_split(small_dataset, "validation")["sequence"]))
    best = record["best"]["validation_bits_per_base"]
    assert bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(best, abs=1e-7)


def test_the_last_checkpoints_are_kept(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "lstm", "--save_steps 2 --save_total_limit 3"))
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == [f"checkpoint-{n:08d}" for n in (8, 10, 12)]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_describes_a_model(path: Path) -> None:
    config, section = parse_config(["--config", str(path), "--data", "d", "--output_dir", "o"], None)
    assert config.data == "d"
    assert build_model(section).num_parameters() > 10_000


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("seed: 1\nlearning_rate: 1e-4\nappend_eos: false\nmodel: {model_type: gene_rnn, hidden_size: 8}\n")
    more = "--seed 2 --data d --output_dir o --model.hidden_size 16"
    config, section = parse_config(["--config", str(file), *more.split()], None)
    assert (config.seed, config.learning_rate, config.append_eos) == (2, 1e-4, False)
    assert section == {"model_type": "gene_rnn", "hidden_size": 16}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("learning_rat: 1", "unknown key 'learning_rat'; did you mean 'learning_rate'"),
        ("model: {model_type: gpt2, n_embed: 8}", "unknown key 'n_embed' for model_type gpt2; did you mean 'n_embd'"),
        ("model: {model_type: gtp2}", "model_type is 'gtp2'; expected .* gpt2"),
        ("model: {model_type: bert-generation-encoder}", "expected gene_rnn"),
        ("model: {model_type: gene_rnn, dropout: 2.0}", "dropout is 2.0"),
        ("model: {model_type: gene_rnn, hidden_size: wide}", "hidden_size"),
        ("model: {model_type: gpt2, n_embd: 10, n_head: 3}", "does not describe a gpt2"),
        ("model: {model_type: gene_ngram}", "genelm ngram fit"),
        ("model: [1]", "not a list of options"),
        ("- 1", "not a list of options"),
        ("a: [", "cannot be read as YAML"),
        ("model: {model_type: bert, hidden_size: 12, num_attention_heads: 2}", "sees the bases it is to predict"),
    ],
)
def test_a_config_that_cannot_work_is_refused(content: str, message: str, small_dataset: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    output = tmp_path / "run"
    with pytest.raises(InputError, match=message):
        train(["--config", str(file), "--data", str(small_dataset), "--output_dir", str(output)])
    assert not output.exists()


def test_other_refusals_leave_nothing_behind(small_dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    for more, message in (
        ("--resume_from_checkpoint latest", "has no checkpoint"),
        (f"--resume_from_checkpoint {tmp_path}", "is not a checkpoint"),
        ("--config missing.yaml", "missing.yaml"),
    ):
        with pytest.raises(InputError, match=message):
            train(arguments(small_dataset, output, "lstm", more))
    with pytest.raises(InputError, match="bases, but this gpt2 reads at most 31"):
        train(arguments(small_dataset, output, "gpt2", "--model.n_positions 32"))
    with pytest.raises(InputError, match=r"manifest\.json"):
        train(arguments(tmp_path, output))
    assert not output.exists()


def test_another_run_is_not_resumed(small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "run"))
    before = sorted((tmp_path / "run").rglob("*"))
    for more, message in (
        ("--seed 1", "its seed is 0, but now it is 1"),
        ("--model.hidden_size 8", "its model is"),
        ("--learning_rate 1e-5", "its learning_rate is"),
    ):
        options = f"--resume_from_checkpoint latest --report_to tensorboard {more}"
        with pytest.raises(InputError, match=message):
            train(arguments(small_dataset, tmp_path / "run", "lstm", options))
    assert sorted((tmp_path / "run").rglob("*")) == before
    options = f"--resume_from_checkpoint {tmp_path / 'run' / 'checkpoint-00000012'}"
    with pytest.raises(InputError, match="lies outside"):
        train(arguments(small_dataset, tmp_path / "other", "lstm", options))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--report_to magic", "choose one of none"),
        ("--mixed_precision fp3", "choose one of auto, no, bf16, fp16"),
        ("--train_fraction 0", "give more than 0"),
        ("--warmup_steps 13", "Warm-up takes 13 steps, but the whole training only about 12"),
        ("--lr_scheduler_type magic", "choose one of constant"),
        ("--train_batch_genes 0", "--train_batch_genes 0 is too small; give 1 or more"),
        ("--eval_steps 0", "too small"),
        ("--early_stopping_patience 0", "too small"),
        ("--seed -1", "too small"),
        ("--model.hidden_size [", "not YAML"),
    ],
)
def test_unknown_names_and_impossible_numbers_are_refused(
    more: str, message: str, small_dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    assert not (tmp_path / "run").exists()


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


def test_a_loss_that_is_not_finite_names_the_genes_and_keeps_the_last_good_checkpoint(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, seen = run.Run._take_step, []

    def take_and_break(self, step, batch):
        taken = take(self, step, batch)
        if step == 7:
            seen.extend(batch)
            taken.sums[0] = torch.nan
        return taken

    monkeypatch.setattr(run.Run, "_take_step", take_and_break)
    names = load_split(small_dataset, "train")["gene_id"]
    with pytest.raises(InputError, match="At step 7 the loss is nan nats") as error:
        train(arguments(small_dataset, tmp_path / "run", "lstm", "--save_steps 3"))
    assert f"on genes {', '.join(names[gene] for gene in seen[:10])}" in str(error.value)
    assert "checkpoint-00000006" in str(error.value)
    assert [path.name for path in sorted((tmp_path / "run").glob("checkpoint-*"))][-1] == "checkpoint-00000006"


def test_a_diverging_run_says_so(small_dataset: Path, tmp_path: Path) -> None:
    more = "--learning_rate 1e30 --max_grad_norm 0 --warmup_steps 0"
    with pytest.raises(InputError, match=r"Lower --learning_rate .* There is no checkpoint yet"):
        train(arguments(small_dataset, tmp_path / "run", "gpt2", more))


def test_memory_that_does_not_suffice_says_what_to_lower(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_, **__) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", fail)
    with pytest.raises(InputError, match=r"step 1, [\d,]+ symbols .*--gradient_accumulation_steps \(now 1"):
        train(arguments(small_dataset, tmp_path / "run"))


def launched(data: Path, output_dir: Path, more: str, processes: int = 1) -> list[str]:
    """Return a command that trains on so many processes of one thread each."""
    launch = ["accelerate.commands.launch", "--num_processes", str(processes), "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]
    # On a machine without a GPU, --cpu would quietly run one process; --multi_gpu runs as many as are asked for.
    launch += ["--multi_gpu", "--main_process_port", "0"] if processes > 1 else ["--cpu"]
    return [sys.executable, "-m", *launch, "train.py", *arguments(data, output_dir, "lstm", more)]


def start(command: list[str], stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Start a command in a session of its own, so that all of its processes can be killed together."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )


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
    for part, name in (("history", "validation_bits_per_base"), ("curve", "bits_per_target")):
        assert [entry[name] for entry in whole[part]] == [entry[name] for entry in killed[part]]


def test_a_killed_run_ends_in_the_same_bits(small_dataset: Path, tmp_path: Path) -> None:
    killed_again_and_again(small_dataset, tmp_path, kills=1, processes=1)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_killed_twenty_times_ends_in_the_same_bits(processes: int, small_dataset: Path, tmp_path: Path) -> None:
    killed_again_and_again(small_dataset, tmp_path, kills=20, processes=processes)


def test_a_run_that_is_told_to_stop_writes_a_checkpoint_first(small_dataset: Path, tmp_path: Path) -> None:
    more = "--max_steps 4000 --save_steps 20 --eval_steps 4000"
    command = [sys.executable, "train.py", *arguments(small_dataset, tmp_path / "run", "lstm", more)]
    process = start(command, stdout=subprocess.PIPE)
    while process.poll() is None and not (tmp_path / "run" / "checkpoint-00000020").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    step = max(int(path.name.split("-")[1]) for path in (tmp_path / "run").glob("checkpoint-*"))
    assert said == f"Interrupted at step {step}; --resume_from_checkpoint latest goes on from there.\n"


@pytest.mark.slow
def test_two_processes_that_are_told_to_stop_end_at_the_same_step(small_dataset: Path, tmp_path: Path) -> None:
    more = "--max_steps 100000 --save_steps 20 --eval_steps 50000"
    process = start(launched(small_dataset, tmp_path / "run", more, processes=2))
    while process.poll() is None and not list((tmp_path / "run").glob("checkpoint-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # the launcher hands it on
    assert process.wait(timeout=60) != 0
    step = max(int(path.name.split("-")[1]) for path in (tmp_path / "run").glob("checkpoint-*"))
    more = more.replace("--max_steps 100000", f"--max_steps 100000 --save_steps {step + 5}")
    process = start(launched(small_dataset, tmp_path / "run", more + " --resume_from_checkpoint latest", processes=2))
    while process.poll() is None and not (tmp_path / "run" / f"checkpoint-{step + 5:08d}").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    assert (tmp_path / "run" / f"checkpoint-{step + 5:08d}").exists()


def test_a_damaged_checkpoint_is_skipped_and_named(
    small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "--save_steps 4 --save_total_limit 3"
    train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    whole = last_weights(tmp_path / "run")
    weights, progress = (tmp_path / "run" / name for name in ("checkpoint-00000012", "checkpoint-00000008"))
    damaged = bytearray((weights / "model.safetensors").read_bytes())
    damaged[-1] ^= 1
    (weights / "model.safetensors").write_bytes(damaged)
    written = (progress / "progress.json").read_text()
    (progress / "progress.json").write_text(written.replace('"step": 8', '"step": 9', 1))
    train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --resume_from_checkpoint latest"))
    said = capsys.readouterr().out
    assert "checkpoint-00000012 is damaged and was skipped: model.safetensors is not what was written" in said
    assert "checkpoint-00000008 is damaged and was skipped: progress.json is not what was written" in said
    assert "Going on from" in said
    assert "step 4 of 12" in said
    assert_equal(last_weights(tmp_path / "run"), whole)
    for folder in (tmp_path / "run").glob("checkpoint-*"):
        (folder / "optimizer.bin").unlink()
    with pytest.raises(InputError, match=r"optimizer\.bin is missing.* No whole checkpoint is left"):
        train(arguments(small_dataset, tmp_path / "run", "lstm", f"{more} --resume_from_checkpoint latest"))


def test_what_is_recorded(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "gpt2", "--logging_steps 3 --train_fraction 0.5"))
    record = json.loads((folder / "training_record.json").read_text())
    assert [entry["step"] for entry in record["curve"]] == [3, 6, 9, 12]
    lengths = load_split(small_dataset, "train")["length"]
    assert record["dataset"]["genes"] == round(len(lengths) / 2)
    assert record["packed_rows"]
    for entry in record["curve"]:
        assert 0.9 < entry["share_of_positions_used"] <= 1.0
        assert 0 < entry["share_of_time_loading"] < 1
        assert entry["bases_per_second"] > 0
        assert 1 < entry["bits_per_target"] < 4
    assert record["seconds"] > 0
    assert (folder / "training_curve.png").read_bytes().startswith(b"\x89PNG")
    card = render_model_card(folder, [])
    assert "](training_curve.png)" in card
    assert re.search(r"12 steps in \d+\.\d minutes of training on 1 process \(cpu, mixed precision: no\)", card)


def test_a_refusal_is_one_sentence_and_an_exit_status(small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("learning_rat: 1")
    options = ["--config", str(tmp_path / "config.yaml"), "--data", str(small_dataset), "--output_dir", "run"]
    done = subprocess.run([sys.executable, ROOT / "train.py", *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f"train.py: The config {tmp_path / 'config.yaml'} has an unknown key 'learning_rat'; "
        "did you mean 'learning_rate'?\n"
    )
    assert not (tmp_path / "run").exists()


def test_help_teaches() -> None:
    done = subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    for words in ("accelerate launch train.py", "--gradient_accumulation_steps", "saves memory", "--model.NAME"):
        assert words in " ".join(done.stdout.split())
