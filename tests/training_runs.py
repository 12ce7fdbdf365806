"""Short trainings for tests: their command lines, their processes, and what they leave."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import torch

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
    """Return the options of a short training; those of `more` win over those that it would have."""
    usual = f"{TINY[model]} --use_cpu true --max_steps 12 --eval_steps 6 --train_batch_positions 1500"
    usual += " --warmup_steps 2 --cpu_threads 1 --report_to none --mixed_precision no"
    words = usual.split()
    kept = [pair for pair in zip(words[::2], words[1::2], strict=True) if pair[0] not in more.split()]
    return ["--data", str(data), "--output_dir", str(output_dir), *itertools.chain(*kept), *more.split()]


def last_weights(output_dir: Path, step: int = 12) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(output_dir / f"checkpoint-{step:08d}" / "pytorch_model.bin")
    return weights


def assert_equal(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor], tolerance: float = 0.0) -> None:
    assert some.keys() == others.keys()
    for name, weight in some.items():
        assert (weight - others[name]).abs().max() <= tolerance, name


def launched(data: Path, output_dir: Path, more: str, processes: int = 1) -> list[str]:
    """Return a command that trains on so many processes of one thread each."""
    return [*launcher(processes), "train.py", *arguments(data, output_dir, "lstm", more)]


def launcher(processes: int) -> list[str]:
    """Return the beginning of a command that runs a script on so many processes of one thread each."""
    launch = ["accelerate.commands.launch", "--num_processes", str(processes), "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]
    # On a machine without a GPU, --cpu would quietly run one process; --multi_gpu runs as many as are asked for.
    launch += ["--multi_gpu", "--main_process_port", "0"] if processes > 1 else ["--cpu"]
    return [sys.executable, "-m", *launch]


def start(command: list[str], stdout: int = subprocess.DEVNULL, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start a command in a session of its own, so that all of its processes can be killed together."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
