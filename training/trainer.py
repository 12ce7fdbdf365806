"""The training loop: steps on global batches, validation, the best model kept, checkpoints, and a record of it all."""

import contextlib
import logging
import math
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from torch.distributed.tensor import DTensor
from torch.nn import functional
from transformers import PreTrainedModel

from genelm.eval import MAX_POSITIONS, bits_per_base, score_genes
from genelm.modeling import CURVE_FILE, RECORD_FILE, save_model_folder
from genelm.storage import OtherPrograms, OutOfMemoryError, TrainingError, progress_bar, write_json
from genelm.tokenization import BASE_IDS, load_tokenizer

from .checkpoints import checkpoints, save_checkpoint
from .devices import is_out_of_memory, peak_memory
from .interruption import Interruption
from .options import TrainingConfig
from .progress import INTERRUPTED, STILL_RUNNING, Progress
from .training_curve import draw_training_curve
from .training_genes import IGNORED, GeneNames, TrainingGenes

log = logging.getLogger(__name__)

_NAMES_SHOWN = 10

_SECONDS_OF_LOAD = 10.0
"""Over which the load of the machine is looked at."""


@dataclass
class Step:
    """A step whose metrics may still be on their way from the device.

    Attributes:
        step: its number.
        genes: of its global batch.
        metrics: nats of the loss and of the bases alone, positions, how many processes were told to stop, and the norm
            of the gradient, on the CPU.
        arrived: on a GPU, what to wait for before `metrics` are read.
        loading_seconds: taken to get the batch.
    """

    step: int
    genes: npt.NDArray[np.int64]
    metrics: torch.Tensor
    arrived: torch.cuda.Event | None
    loading_seconds: float


@dataclass
class Trainer:
    """A training run: what it works with, and how far it has come."""

    config: TrainingConfig
    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: Any
    scheduler: Any
    genes: TrainingGenes
    packed: bool
    positions: int | None
    validation: list[str]
    total_steps: int
    record: dict[str, Any]
    progress: Progress
    interruption: Interruption
    pending_step: Step | None = None
    gradient_norm: float = math.nan
    is_interrupted: bool = False
    load: OtherPrograms = field(default_factory=OtherPrograms)
    is_load_told: bool = False

    def train(self) -> str:
        """Take the steps that are left, validate, keep the best model, and stop early if that is asked for.

        Returns:
            Why it ended: `all steps taken`, `no better validation in N` or `interrupted`.

        Raises:
            TrainingError: the loss is not finite.
            OutOfMemoryError: memory does not suffice.
        """
        config, progress = self.config, self.progress
        patience, stopped = config.early_stopping_patience, "all steps taken"
        bar = progress_bar(total=self.total_steps, initial=progress.step, unit="step", disable=not self._is_main)
        self.model.train()
        self.load.begin()
        with bar, self.interruption:
            if progress.step == self.total_steps and not progress.best_step:  # the model it had kept is not there
                self._validate(int(progress.history.pop()["epoch"]))
            for step, (epoch, batch, ends_epoch) in enumerate(self.genes.batches(config), start=1):
                if step <= progress.step:
                    continue
                if patience is not None and progress.validations_since_best >= patience:
                    stopped = f"no better validation in {patience}"
                    break
                if self.is_interrupted:
                    stopped = INTERRUPTED
                    break
                started = time.perf_counter()
                taken = self._take_step(step, batch)
                self._sync_metrics()
                self.pending_step = taken
                progress.step = step
                bar.update()
                validates = step == self.total_steps or (
                    ends_epoch if config.eval_steps is None else step % config.eval_steps == 0
                )
                logs = step % config.logging_steps == 0 or step == self.total_steps
                saves = validates if config.save_steps is None else step % config.save_steps == 0
                if validates or logs or saves:
                    self._sync_metrics()
                seconds = time.perf_counter() - started
                progress.seconds += seconds
                progress.window.seconds += seconds
                if logs:
                    self._log(bar)
                if validates:
                    self._validate(epoch + 1)
                if saves or self.is_interrupted:
                    self._sync_metrics()
                    save_checkpoint(self.accelerator, config, progress, self.record)
            self._sync_metrics()
        if self._is_main:
            self._write_record(stopped)
        return stopped

    @property
    def _is_main(self) -> bool:
        return self.accelerator.is_main_process

    def _take_step(self, step: int, batch: npt.NDArray[np.int64]) -> Step:
        """Take one optimizer step on a global batch."""
        accelerator, config, device = self.accelerator, self.config, self.accelerator.device
        # Dropout is a function of (seed, step, process), so a resumed run drops what the unbroken one would have.
        source = np.random.SeedSequence([config.seed, step, accelerator.process_index])
        torch.manual_seed(int(source.generate_state(1)[0]))
        num_targets = int(self.genes.num_targets[batch].sum())
        longest = batch[self.genes.num_inputs[batch].argmax()]
        slots = accelerator.num_processes * config.gradient_accumulation_steps
        # The loss, nats of the bases alone, positions, and whether this process was told to stop. A double counts a
        # billion positions exactly.
        kind = torch.float32 if device.type == "mps" else torch.float64
        sums = torch.zeros(4, device=device, dtype=kind)
        loading_seconds = 0.0
        with self._enough_memory(f"step {step}, {num_targets:,} symbols in {len(batch):,} genes", longest):
            for index in range(config.gradient_accumulation_steps):
                share = batch[index * accelerator.num_processes + accelerator.process_index :: slots]
                started = time.perf_counter()
                # A process without a gene still takes part in the exchange of gradients, with nothing to add.
                part = self.genes.slice(share if len(share) else batch[:1], device, self.packed, self.positions)
                if not len(share):
                    part.targets.fill_(IGNORED)
                loading_seconds += time.perf_counter() - started
                last = index == config.gradient_accumulation_steps - 1
                # A sharded model would hold the gradients of the whole one until they are exchanged.
                exchanges = last or accelerator.is_fsdp2
                with contextlib.nullcontext() if exchanges else accelerator.no_sync(self.model):
                    with accelerator.autocast():
                        logits = self.model(input_ids=part.inputs, use_cache=False, **part.more).logits
                    logits, targets = logits.flatten(0, 1).float(), part.targets.flatten()
                    nats = functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
                    # Gradients are averaged over the processes; this makes that a sum.
                    accelerator.backward(nats * accelerator.num_processes / num_targets)
                sums[0] += nats.detach()
                sums[1] += _nats_of_bases(logits.detach(), targets)
                sums[2] += part.inputs.numel()
            norm = accelerator.clip_grad_norm_(self.model.parameters(), config.max_grad_norm or math.inf)
            if isinstance(norm, DTensor):
                norm = norm.full_tensor()
            self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        sums[3] += self.interruption.stop_requested
        metrics = torch.cat([accelerator.reduce(sums, "sum"), torch.as_tensor(norm).to(sums).reshape(1)])
        metrics, arrived = metrics.to("cpu", non_blocking=device.type == "cuda"), None
        if device.type == "cuda":
            arrived = torch.cuda.Event()
            arrived.record()
        return Step(step, batch, metrics, arrived, loading_seconds)

    def _sync_metrics(self) -> None:
        """Count the latest step once its metrics are there: on a GPU that is while the next step is at work.

        Every process sees the same metrics, so all of them stop at the same step when one was told to.

        Raises:
            TrainingError: the loss or the gradient is not finite.
        """
        if self.pending_step is None:
            return
        taken, self.pending_step = self.pending_step, None
        if taken.arrived is not None:
            taken.arrived.synchronize()
        loss, nats_of_bases, positions, interrupted, norm = taken.metrics.tolist()
        # In fp16 a gradient that is not finite is left out, and the loss scaled down.
        if not math.isfinite(loss) or not (math.isfinite(norm) or self.accelerator.mixed_precision == "fp16"):
            names = GeneNames(Path(self.config.data), "train")
            shown = ", ".join(names[gene] for gene in taken.genes[:_NAMES_SHOWN].tolist())
            others = f" and {len(taken.genes) - _NAMES_SHOWN} others" if len(taken.genes) > _NAMES_SHOWN else ""
            raise TrainingError(
                f"At step {taken.step} the loss is {loss:g} nats and the gradient's norm {norm:g}, on genes {shown}"
                f"{others}. Lower --learning_rate or raise --warmup_steps, in another --output_dir."
                f"{self._what_is_kept()}"
            )
        window = self.progress.window
        window.nats += nats_of_bases
        window.targets += int(self.genes.num_targets[taken.genes].sum())
        window.bases += int(self.genes.num_bases[taken.genes].sum())
        window.positions += positions
        window.loading_seconds += taken.loading_seconds
        self.gradient_norm = norm
        self.is_interrupted = interrupted > 0

    @contextlib.contextmanager
    def _enough_memory(self, task: str, longest: int | None = None) -> Iterator[None]:
        """Refuse in one sentence, with what can be done, where memory does not suffice for a task."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            gene = ""
            if longest is not None:
                name = GeneNames(Path(self.config.data), "train")[longest]
                gene = (
                    f" The longest, {name}, has {self.genes.num_inputs[longest]:,}; if that alone is too much, build "
                    "the dataset with a lower --max-length."
                )
            raise OutOfMemoryError(
                f"Memory of process {self.accelerator.process_index} does not suffice for {task}. Raise "
                f"--gradient_accumulation_steps (now {self.config.gradient_accumulation_steps}; the steps stay the "
                "same but for what dropout draws), or lower --train_batch_positions or the size of the model."
                f"{gene}{self._what_is_kept()}"
            ) from error

    def _what_is_kept(self) -> str:
        kept = checkpoints(Path(self.config.output_dir))
        return f" The last good checkpoint is {kept[-1]}." if kept else " There is no checkpoint yet."

    def _log(self, bar: Any) -> None:
        """Make an entry of the curve and hand it to the tracker and the bar."""
        more = {
            "learning_rate": self.scheduler.get_last_lr()[0],
            "gradient_norm": self.gradient_norm,
            "peak_memory_gb": peak_memory(self.accelerator.device) / 1e9,
        }
        entry = self.progress.close_window(more)
        bar.set_postfix_str(f"{entry['bits_per_base']:.4f} bits/base, {entry['bases_per_second']:,.0f} bases/s")
        metrics = {f"train/{name}": value for name, value in entry.items() if name != "step"}
        self.accelerator.log(metrics, step=self.progress.step)
        self._tell_load()

    def _tell_load(self) -> None:
        """Say once that other programs have come to take the processor, which makes threads wait for each other."""
        is_alone_on_cpu = self.accelerator.device.type == "cpu" and self.accelerator.num_processes == 1
        if not is_alone_on_cpu or self.is_load_told or self.load.seconds() < _SECONDS_OF_LOAD:
            return
        free, threads = self.load.free_cores(), torch.get_num_threads()
        self.load.begin()
        if free < threads:
            self.is_load_told = True
            log.warning(
                f"Other programs take the processor: on {threads} threads this run may be several times slower than "
                f"on {free}. To change that, stop it (Ctrl-C) and go on with --resume_from_checkpoint latest "
                f"--cpu_threads {free}."
            )

    def _validate(self, epoch: int) -> None:
        """Score the validation genes; where they are better than ever, write the model folder."""
        progress = self.progress
        model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        slots = self.accelerator.num_processes * self.config.gradient_accumulation_steps
        positions = min(MAX_POSITIONS, max(1, self.config.train_batch_positions // slots))
        with self._enough_memory("validation"):
            scores = score_genes(model, self.validation, max_positions=positions, description="validation")
        bits = bits_per_base(scores.base_nats, scores.n_bases)
        self.accelerator.log({"validation/bits_per_base": bits}, step=progress.step)
        log.info("step %d: %.4f bits/base on validation", progress.step, bits)
        entry = {"step": progress.step, "epoch": epoch, "validation_bits_per_base": bits, "seconds": progress.seconds}
        progress.history.append(entry)
        progress.validations_since_best += 1
        if bits < progress.best_bits_per_base:
            progress.best_bits_per_base, progress.best_step, progress.validations_since_best = bits, progress.step, 0
            weights = None
            if self.accelerator.is_fsdp2:  # they come from all processes, one that is tied to another as well
                whole, tied = self.accelerator.get_state_dict(self.model), _tied_weights(model)
                weights = {name: weight for name, weight in whole.items() if name not in tied}
            if self._is_main:
                folder, record = Path(self.config.output_dir), self._record_so_far(STILL_RUNNING)
                save_model_folder(folder, model, load_tokenizer(), record, weights)
        self.accelerator.wait_for_everyone()

    def _record_so_far(self, stopped: str) -> dict[str, Any]:
        progress = self.progress
        best = {"step": progress.best_step, "validation_bits_per_base": progress.best_bits_per_base}
        return {
            **self.record,
            **({"best": best} if progress.best_step else {}),
            "stopped": stopped,
            "steps": progress.step,
            "seconds": progress.seconds,
            "peak_memory_gb": peak_memory(self.accelerator.device) / 1e9,
            "history": progress.history,
            "curve": progress.curve,
        }

    def _write_record(self, stopped: str) -> None:
        """Write the record into the folder of the run, and once a model has been kept draw the curve beside it."""
        folder, record = Path(self.config.output_dir), self._record_so_far(stopped)
        write_json(folder / RECORD_FILE, record)
        if "best" in record:
            draw_training_curve(record, folder / CURVE_FILE)


def _tied_weights(model: PreTrainedModel) -> Container[str]:
    """Return the name of the weights that are others of the model."""
    if hasattr(model, "all_tied_weights_keys"):
        names: Container[str] = model.all_tied_weights_keys
        return names
    # Before transformers 5 a class names what it ties where its configuration asks for that.
    return (model._tied_weights_keys or ()) if model.config.tie_word_embeddings else ()


def _nats_of_bases(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum what the bases cost, given that one comes, as `genelm.eval` counts it: the end of a gene costs nothing."""
    bases = torch.where(targets >= BASE_IDS[0], targets - BASE_IDS[0], IGNORED)
    logits = logits[:, BASE_IDS[0] : BASE_IDS[-1] + 1]
    return functional.cross_entropy(logits, bases, ignore_index=IGNORED, reduction="sum")
