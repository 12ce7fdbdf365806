"""Train a causal language model of genes, on one process or many.

    accelerate launch train.py --config configs/lstm.yaml --data data/human_genes --output_dir runs/lstm
    accelerate launch train.py --config configs/gpt2.yaml --data data/human_genes --output_dir runs/gpt2
    accelerate launch train.py --config configs/lstm.yaml --data ... --output_dir ... --model.hidden_size 512

A config is a YAML file with the options below and a section `model:` for `transformers.AutoConfig`: `model_type` and
the options of that type. Every option can also be given on the command line, which wins; those of the model as
`--model.NAME VALUE`.

One optimizer step sees one global batch of genes of similar length. The processes share it out among themselves, each
in `gradient_accumulation_steps` slices, and the loss is the sum of nats over the whole batch divided by its number of
targets. So the same steps are taken on one process or eight, up to rounding and to what dropout draws.
"""

import contextlib
import dataclasses
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration
from tqdm.auto import tqdm
from transformers import get_scheduler

from genelm.dataset_scripts import dataset_facts, load_split, read_manifest
from genelm.eval import bits_per_base, check_lengths, score_genes
from genelm.modeling import RECORD_FILE, new_record, save_model_folder
from genelm.storage import InputError, atomic_file, input_errors_end
from genelm.tokenization import load_tokenizer
from genelm.training import (
    IGNORED,
    LOGS_FOLDER,
    Progress,
    TrainingConfig,
    TrainingGenes,
    build_model,
    check_config,
    checkpoint_to_resume,
    load_checkpoint,
    make_optimizer,
    parse_config,
    planned_batches,
    save_checkpoint,
)


@dataclass
class Run:
    """A training run: what it works with, and how far it has come."""

    config: TrainingConfig
    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: Any
    scheduler: Any
    genes: TrainingGenes
    validation: list[str]
    total_steps: int
    record: dict[str, Any]
    progress: Progress

    def train(self) -> None:
        """Take the steps that are left, validate, keep the best model, and stop early if that is asked for."""
        config, progress = self.config, self.progress
        patience, stopped = config.early_stopping_patience, "all steps taken"
        bar = tqdm(total=self.total_steps, initial=progress.step, unit="step", disable=not self._is_main)
        window = Window(self.accelerator.device)
        self.model.train()
        with bar:
            for step, (epoch, batch, ends_epoch) in enumerate(planned_batches(self.genes, config), start=1):
                if step <= progress.step:
                    continue
                if patience is not None and progress.validations_since_best >= patience:
                    stopped = f"no better validation in {patience}"
                    break
                gradient_norm = self._take_step(step, batch, window)
                progress.step = step
                bar.update()
                if step % config.logging_steps == 0 or step == self.total_steps:
                    figures = window.close(self.accelerator, step)
                    bar.set_postfix_str(
                        f"{figures['bits_per_target']:.4f} bits/target, {figures['bases_per_second']:,.0f} bases/s"
                    )
                    figures["learning_rate"] = self.scheduler.get_last_lr()[0]
                    figures["gradient_norm"] = float(gradient_norm)
                    self.accelerator.log({f"train/{name}": value for name, value in figures.items()}, step=step)
                validated = step == self.total_steps or (
                    ends_epoch if config.eval_steps is None else step % config.eval_steps == 0
                )
                if validated:
                    self._validate(epoch + 1, window)
                if validated if config.save_steps is None else step % config.save_steps == 0:
                    save_checkpoint(self.accelerator, config, progress, self.record)
        if self._is_main:
            self._write_record(stopped)
            print(
                f"{Path(config.output_dir)}: the model of step {progress.best_step}, "
                f"{progress.best_bits_per_base:.4f} bits/base on validation; {stopped}."
            )

    @property
    def _is_main(self) -> bool:
        return self.accelerator.is_main_process

    def _take_step(self, step: int, batch: npt.NDArray[np.int64], window: "Window") -> torch.Tensor | float:
        """Take one optimizer step on a global batch and return the norm of the gradient."""
        accelerator, config = self.accelerator, self.config
        # Dropout is a function of (seed, step, process), so a resumed run drops what the unbroken one would have.
        source = np.random.SeedSequence([config.seed, step, accelerator.process_index])
        torch.manual_seed(int(source.generate_state(1)[0]))
        num_targets = int(self.genes.num_targets[batch].sum())
        slots = accelerator.num_processes * config.gradient_accumulation_steps
        for index in range(config.gradient_accumulation_steps):
            share = batch[index * accelerator.num_processes + accelerator.process_index :: slots]
            # A process without a gene still takes part in the exchange of gradients, with nothing to add.
            inputs, targets = self.genes.slice(share if len(share) else batch[:1])
            if not len(share):
                targets.fill_(IGNORED)
            last = index == config.gradient_accumulation_steps - 1
            with contextlib.nullcontext() if last else accelerator.no_sync(self.model):
                with accelerator.autocast():
                    logits = self.model(input_ids=inputs.to(accelerator.device), use_cache=False).logits
                nats = torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1).float(),
                    targets.to(accelerator.device).flatten(),
                    ignore_index=IGNORED,
                    reduction="sum",
                )
                # Gradients are averaged over the processes; this makes that a sum.
                accelerator.backward(nats * accelerator.num_processes / num_targets)
            window.nats += nats.detach()
            window.positions += inputs.numel()
        norm = accelerator.clip_grad_norm_(self.model.parameters(), config.max_grad_norm or math.inf)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        window.targets += num_targets
        window.bases += int(self.genes.num_bases[batch].sum())
        return norm

    def _validate(self, epoch: int, window: "Window") -> None:
        """Score the validation genes; where they are better than ever, write the model folder."""
        progress = self.progress
        started = time.perf_counter()
        model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        scores = score_genes(model, self.validation, description="validation")
        bits = bits_per_base(scores.base_nats, scores.n_bases)
        window.paused += time.perf_counter() - started
        self.accelerator.log({"validation/bits_per_base": bits}, step=progress.step)
        if self._is_main:
            tqdm.write(f"step {progress.step}: {bits:.4f} bits/base on validation")
        progress.history.append(
            {"step": progress.step, "epoch": epoch, "validation_bits_per_base": bits, **window.latest}
        )
        progress.validations_since_best += 1
        if bits < progress.best_bits_per_base:
            progress.best_bits_per_base, progress.best_step, progress.validations_since_best = bits, progress.step, 0
            if self._is_main:
                save_model_folder(
                    Path(self.config.output_dir), model, load_tokenizer(), self._record_so_far("still running")
                )
        self.accelerator.wait_for_everyone()

    def _record_so_far(self, stopped: str) -> dict[str, Any]:
        best = {"step": self.progress.best_step, "validation_bits_per_base": self.progress.best_bits_per_base}
        return {**self.record, "best": best, "stopped": stopped, "history": self.progress.history}

    def _write_record(self, stopped: str) -> None:
        with atomic_file(Path(self.config.output_dir) / RECORD_FILE) as temporary:
            temporary.write_text(json.dumps(self._record_so_far(stopped), indent=2) + "\n")


class Window:
    """Sums over the steps since the last entry in the log."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.latest: dict[str, float] = {}
        self._open()

    def _open(self) -> None:
        self.nats = torch.zeros((), device=self.device)
        self.targets = self.bases = self.positions = 0
        self.paused = 0.0
        self.started = time.perf_counter()

    def close(self, accelerator: Accelerator, step: int) -> dict[str, float]:
        """Return the figures of the window over all processes, and open the next.

        Raises:
            InputError: the loss is not finite.
        """
        nats = accelerator.reduce(self.nats, "sum").item()
        if not math.isfinite(nats):
            raise InputError(f"The loss is {nats} at step {step}; lower --learning_rate or raise --warmup_steps.")
        seconds = time.perf_counter() - self.started - self.paused
        self.latest = {
            "bits_per_target": nats / math.log(2) / self.targets,
            "bases_per_second": self.bases / seconds,
            "share_of_positions_used": self.targets / (self.positions * accelerator.num_processes),
        }
        self._open()
        return self.latest


def main(arguments: list[str] | None = None) -> Path:
    """Train a model and write its folder.

    Args:
        arguments: the command line without the program; that of this process by default.

    Returns:
        The model folder, with the weights that were best on validation.

    Raises:
        InputError: an option, the data or the checkpoint cannot be used.
    """
    config, section = parse_config(sys.argv[1:] if arguments is None else arguments, __doc__)
    check_config(config)
    resume = checkpoint_to_resume(config)
    data = Path(config.data)
    manifest = read_manifest(data)
    splits = {name: load_split(data, name) for name in ("train", "validation")}
    torch.manual_seed(config.seed)
    model = build_model(section)
    for split in splits.values():
        check_lengths(model, split["length"], split["gene_id"])
    genes = TrainingGenes.encode(list(splits["train"]["sequence"]), config.append_eos)

    accelerator = Accelerator(
        # Without a GPU, processes find each other only if Accelerate is told to use the CPU.
        cpu=config.use_cpu or not torch.accelerator.is_available(),
        mixed_precision=config.mixed_precision,
        # A step is a global batch whatever the number of processes, and so is a step of the learning rate.
        step_scheduler_with_optimizer=False,
        log_with=None if config.report_to == "none" else config.report_to,
        project_config=ProjectConfiguration(
            project_dir=config.output_dir, logging_dir=f"{config.output_dir}/{LOGS_FOLDER}"
        ),
    )
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != launched:
        raise InputError(f"{launched} processes were launched, but {accelerator.num_processes} of them work together.")
    if accelerator.device.type == "cpu":
        # `accelerate launch` would leave a process on a CPU one thread.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        share = cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(config.cpu_threads or max(1, share))
    total_steps = config.max_steps if config.max_steps > 0 else sum(1 for _ in planned_batches(genes, config))
    if config.warmup_steps > total_steps / 2:
        accelerator.print(f"Warm-up takes {config.warmup_steps} steps, the run {total_steps}: lower --warmup_steps.")
    optimizer = make_optimizer(model, config)
    scheduler = get_scheduler(config.lr_scheduler_type, optimizer, config.warmup_steps, total_steps)
    record = {
        **new_record(
            model,
            config={**dataclasses.asdict(config), "model": section},
            seed=config.seed,
            dataset=dataset_facts(manifest),
        ),
        "processes": accelerator.num_processes,
        "mixed_precision": accelerator.mixed_precision,
        "device": torch.cuda.get_device_name() if accelerator.device.type == "cuda" else accelerator.device.type,
    }
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    # Only training steps run in mixed precision, not validation: take off the wrapper that would do it everywhere.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    progress = Progress()
    if resume is not None:
        progress = load_checkpoint(accelerator, resume, record)
        accelerator.print(f"Going on from {resume}: step {progress.step} of {total_steps}.")
    accelerator.init_trackers("genelm", {name: value for name, value in vars(config).items() if value is not None})
    validation = list(splits["validation"]["sequence"])
    Run(config, accelerator, model, optimizer, scheduler, genes, validation, total_steps, record, progress).train()
    accelerator.end_training()
    return Path(config.output_dir)


if __name__ == "__main__":
    try:
        with input_errors_end("train.py"):
            main()
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0":
            print("train.py: Interrupted; --resume_from_checkpoint latest goes on.", file=sys.stderr)
        sys.exit(130)
