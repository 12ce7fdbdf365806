"""Training: the folder it leaves, the same weights however the work is split, and what stops it."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import ANY

import pytest
import torch
import transformers
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from training_runs import ROOT, TINY, arguments, assert_equal, last_weights, launched, start
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

from genelm.dataset_scripts import GeneDatasetConfig, build_dataset, load_split
from genelm.eval import bits_per_base, score_genes
from genelm.model_cards import render_model_card
from genelm.storage import InputError, OutOfMemoryError, TrainingError
from genelm.training import train, trainer
from genelm.training.checkpoints import threads_of
from genelm.training.devices import prepare_cpu
from genelm.training.options import TrainingConfig
from genelm.training.progress import Progress


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
    build_dataset(GeneDatasetConfig(source="fasta", input=fasta), data, "made by a test")
    more = "--max_steps 150 --eval_steps 150 --learning_rate 1e-2"
    folder = train(arguments(data, tmp_path / "run", model, more))
    record = json.loads((folder / "training_record.json").read_text())
    assert record["best"]["validation_bits_per_base"] < 0.3  # all but the first bases of a repeat are certain


@pytest.mark.parametrize("model", ["lstm", "gpt2"])
def test_slices_do_not_change_the_step(model: str, small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "one", model))
    train(arguments(small_dataset, tmp_path / "three", model, "--gradient_accumulation_steps 3"))
    assert_equal(last_weights(tmp_path / "one"), last_weights(tmp_path / "three"), tolerance=1e-6)


def test_two_processes_end_with_the_weights_of_one(small_dataset: Path, tmp_path: Path) -> None:
    validations = []
    for processes in (1, 2):
        command = launched(small_dataset, tmp_path / f"run{processes}", "--optimizer muon", processes)
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        record = json.loads((tmp_path / f"run{processes}" / "training_record.json").read_text())
        assert record["processes"] == processes
        validations.append([entry["validation_bits_per_base"] for entry in record["history"]])
    assert_equal(last_weights(tmp_path / "run1"), last_weights(tmp_path / "run2"), tolerance=1e-6)
    assert validations[1] == pytest.approx(validations[0], abs=1e-6)


def train_sharded(data: Path, output_dir: Path, model: str, more: str) -> subprocess.CompletedProcess[str]:
    launch = ["--config_file", "configs/accelerate/sharded.yaml", "--num_processes", "2", "--main_process_port", "0"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *launch, "tests/sharded_on_cpus.py"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    options = arguments(data, output_dir, model, more)
    return subprocess.run([*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)


def test_a_model_that_is_sharded_out_ends_with_the_weights_of_a_whole_one(small_dataset: Path, tmp_path: Path) -> None:
    whole, folder = train(arguments(small_dataset, tmp_path / "whole", "gpt2")), tmp_path / "sharded"
    for more in ("", "--resume_from_checkpoint latest"):
        done = train_sharded(small_dataset, folder, "gpt2", more)
        assert done.returncode == 0, done.stderr
        assert_equal(load_file(folder / "model.safetensors"), load_file(whole / "model.safetensors"), 1e-6)
        histories = [json.loads((run / "training_record.json").read_text())["history"] for run in (whole, folder)]
        bits = [[entry["validation_bits_per_base"] for entry in history] for history in histories]
        assert bits[1] == pytest.approx(bits[0], abs=1e-6)
        assert len(list((folder / "checkpoint-00000012" / "pytorch_model_fsdp_0").glob("*.distcp"))) == 2
        shutil.rmtree(folder / "checkpoint-00000012")
    with pytest.raises(InputError, match="its sharded is True, but now it is False"):
        train(arguments(small_dataset, folder, "gpt2", "--resume_from_checkpoint latest"))


@pytest.mark.slow
def test_a_sharded_model_is_validated_in_float32_and_a_recurrent_one_refused(
    small_dataset: Path, tmp_path: Path
) -> None:
    done = train_sharded(
        small_dataset, tmp_path / "run", "gpt2", "--mixed_precision bf16 --gradient_accumulation_steps 2"
    )
    assert done.returncode == 0, done.stderr
    best = json.loads((tmp_path / "run" / "training_record.json").read_text())["best"]["validation_bits_per_base"]
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "run")
    scores = score_genes(network, list(load_split(small_dataset, "validation")["sequence"]))
    assert bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(best, abs=1e-7)
    assert "A gene_rnn cannot be sharded" in train_sharded(small_dataset, tmp_path / "other", "lstm", "").stderr


@pytest.mark.slow
def test_muon_goes_on_where_it_was_in_a_sharded_model(small_dataset: Path, tmp_path: Path) -> None:
    whole = train(arguments(small_dataset, tmp_path / "whole", "gpt2", "--optimizer muon"))
    weights = []
    for more in ("", "--resume_from_checkpoint latest"):
        done = train_sharded(small_dataset, tmp_path / "run", "gpt2", f"--optimizer muon {more}")
        assert done.returncode == 0, done.stderr
        weights.append(load_file(tmp_path / "run" / "model.safetensors"))
        shutil.rmtree(tmp_path / "run" / "checkpoint-00000012")
    assert_equal(weights[0], weights[1], 1e-5)
    assert_equal(weights[0], load_file(whole / "model.safetensors"), 1e-5)


@pytest.mark.slow
def test_two_machines_end_with_the_weights_of_one(small_dataset: Path, tmp_path: Path) -> None:
    whole = train(arguments(small_dataset, tmp_path / "whole"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launch = ["--config_file", "configs/accelerate/several_nodes.yaml", "--num_machines", "2", "--num_processes", "2"]
    launch += ["--main_process_ip", "127.0.0.1", "--main_process_port", port]
    options = arguments(small_dataset, tmp_path / "run")
    command = [sys.executable, "-m", "accelerate.commands.launch", *launch]
    machines = [start([*command, "--machine_rank", str(rank), "train.py", *options]) for rank in range(2)]
    assert [machine.wait(timeout=900) for machine in machines] == [0, 0]
    assert json.loads((tmp_path / "run" / "training_record.json").read_text())["processes"] == 2
    assert_equal(last_weights(tmp_path / "run"), last_weights(whole), tolerance=1e-6)


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


def test_a_loss_that_is_not_finite_names_the_genes_and_keeps_the_last_good_checkpoint(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, seen = trainer.Trainer._take_step, []

    def take_and_break(self, step, batch):
        taken = take(self, step, batch)
        if step == 7:
            seen.extend(batch)
            taken.metrics[0] = torch.nan
        return taken

    monkeypatch.setattr(trainer.Trainer, "_take_step", take_and_break)
    names = load_split(small_dataset, "train")["gene_id"]
    with pytest.raises(TrainingError, match="At step 7 the loss is nan nats") as error:
        train(arguments(small_dataset, tmp_path / "run", "lstm", "--save_steps 3"))
    assert f"on genes {', '.join(names[gene] for gene in seen[:10])}" in str(error.value)
    assert "checkpoint-00000006" in str(error.value)
    assert [path.name for path in sorted((tmp_path / "run").glob("checkpoint-*"))][-1] == "checkpoint-00000006"


def test_a_diverging_run_says_so(small_dataset: Path, tmp_path: Path) -> None:
    more = "--learning_rate 1e30 --max_grad_norm 0 --warmup_steps 0"
    with pytest.raises(TrainingError, match=r"Lower --learning_rate .* There is no checkpoint yet"):
        train(arguments(small_dataset, tmp_path / "run", "gpt2", more))


@pytest.mark.parametrize(
    ("place", "function", "task"),
    [(torch.nn.functional, "cross_entropy", r"step 1, [\d,]+ symbols "), (trainer, "score_genes", "validation")],
)
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_memory_that_does_not_suffice_says_what_to_lower(
    error: Exception,
    place: ModuleType,
    function: str,
    task: str,
    small_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_, **__) -> None:
        raise error

    monkeypatch.setattr(place, function, fail)
    with pytest.raises(
        OutOfMemoryError, match=rf"not suffice for {task}.*--gradient_accumulation_steps \(now 1"
    ) as refusal:
        train(arguments(small_dataset, tmp_path / "run"))
    longest = max(load_split(small_dataset, "train")["length"])
    if task != "validation":
        assert re.search(r"The longest, \w+, has (\d+); if that alone", str(refusal.value))
        assert int(re.search(r"has (\d+);", str(refusal.value))[1]) <= longest + 1


def test_a_long_curve_is_thinned_out_evenly() -> None:
    progress = Progress()
    for step in range(1, 3001):
        progress.step = step
        progress.window.targets = progress.window.seconds = progress.window.positions = 1
        progress.close_window({})
    steps = [entry["step"] for entry in progress.curve]
    assert steps[0] == 1
    assert steps[-1] == 3000
    assert len(steps) <= 400
    assert {later - earlier for earlier, later in itertools.pairwise(steps[:-1])} == {8}


@pytest.mark.parametrize("model", ["lstm", "gpt2"])
def test_bits_of_training_are_those_of_the_scorer(model: str, small_dataset: Path, tmp_path: Path) -> None:
    more = "--max_steps 1 --warmup_steps 0 --logging_steps 1 --learning_rate 0 --train_batch_positions 1000000"
    folder = train(arguments(small_dataset, tmp_path / "run", model, f"{more} --gradient_accumulation_steps 2"))
    (entry,) = json.loads((folder / "training_record.json").read_text())["curve"]
    network = AutoModelForCausalLM.from_pretrained(folder)
    scores = score_genes(network, list(load_split(small_dataset, "train")["sequence"]))
    assert bits_per_base(scores.base_nats, scores.n_bases) == pytest.approx(entry["bits_per_base"], abs=1e-6)


def test_what_is_recorded(small_dataset: Path, tmp_path: Path) -> None:
    folder = train(arguments(small_dataset, tmp_path / "run", "gpt2", "--logging_steps 3 --train_fraction 0.5"))
    record = json.loads((folder / "training_record.json").read_text())
    assert [entry["step"] for entry in record["curve"]] == [3, 6, 9, 12]
    lengths = load_split(small_dataset, "train")["length"]
    assert record["dataset"]["genes"] == round(len(lengths) / 2)
    assert record["packed_rows"] or transformers.__version__.startswith("4.")  # whose GPT-2 cannot
    for entry in record["curve"]:
        assert (0.9 if record["packed_rows"] else 0.7) < entry["share_of_positions_used"] <= 1.0
        assert 0 < entry["share_of_time_loading"] < 1
        assert entry["bases_per_second"] > 0
        assert 1 < entry["bits_per_base"] < 4
    assert record["seconds"] > 0
    assert (folder / "training_curve.png").read_bytes().startswith(b"\x89PNG")
    card = render_model_card(folder, [])
    assert "](training_curve.png)" in card
    assert re.search(r"12 steps in \d+\.\d minutes of training on 1 process \(cpu, mixed precision: no\)", card)


@pytest.mark.parametrize(
    ("asked", "before", "processes", "threads", "says"),
    [
        (None, None, 1, 2, "Other programs take the processor, so this run computes on 2 of 4 cores"),
        (None, 3, 1, 3, "Computing on 3 of 4 cores, as before"),
        (None, 9, 1, 4, ""),
        (4, 3, 1, 4, ""),
        (1, None, 1, 1, ""),
        (None, None, 2, 2, ""),
    ],
)
def test_a_run_takes_the_free_cores_and_goes_on_with_as_many(
    asked: int | None, before: int | None, processes: int, threads: int, says: str, monkeypatch
) -> None:
    monkeypatch.setattr("genelm.training.devices.usable_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setattr("genelm.training.devices.LOAD.free_cores", lambda: 2)
    monkeypatch.setattr("genelm.training.devices.torch.set_num_threads", lambda number: taken.append(number))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    taken: list[int] = []
    said = prepare_cpu(TrainingConfig(data="", output_dir="", cpu_threads=asked), before)
    assert taken == [threads]
    assert says in "".join(said)
    assert bool(says) == bool(said)


def test_a_checkpoint_knows_its_threads(small_dataset: Path, tmp_path: Path) -> None:
    train(arguments(small_dataset, tmp_path / "run"))
    assert threads_of(tmp_path / "run" / "checkpoint-00000012") == 1
    assert threads_of(None) is None
