"""Train a causal language model of genes, on one process or many.

    accelerate launch train.py --config configs/lstm.yaml --data data/human_genes --output_dir runs/lstm
    accelerate launch train.py --config configs/gpt2.yaml --data data/human_genes --output_dir runs/gpt2
    accelerate launch train.py --config configs/lstm.yaml --data ... --output_dir ... --model.hidden_size 512

A config is a YAML file with the options below and a section `model:` for `transformers.AutoConfig`: `model_type` and
the options of that type. Every option can also be given on the command line, which wins; those of the model as
`--model.NAME VALUE`.

One optimizer step sees one global batch of genes of similar length. The processes share it out among themselves, each
in `gradient_accumulation_steps` slices, and the loss is the sum of nats over the whole batch divided by its number of
targets. So the same steps are taken on one process or eight, and only the speed differs.
"""

import contextlib
import dataclasses
import difflib
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import ProjectConfiguration
from huggingface_hub.errors import StrictDataclassError
from tqdm.auto import tqdm
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    HfArgumentParser,
    PreTrainedModel,
    SchedulerType,
    get_scheduler,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from genelm.dataset_scripts import load_split, read_manifest
from genelm.eval import bits_per_base, check_lengths, score_genes
from genelm.modeling import RECORD_FILE, save_model_folder
from genelm.storage import InputError, atomic_file, package_versions, started_command
from genelm.tokenization import (
    BASE_IDS,
    BOS_ID,
    EOS_ID,
    INPUT_FILLER,
    PAD_ID,
    UNK_ID,
    VOCABULARY,
    encode,
    epoch_batches,
    load_tokenizer,
    pad_right,
)

IGNORED = -100
PROGRESS_FILE = "progress.json"


def option(default: Any, help: str) -> Any:
    """Declare an option with its default and what `--help` says of it."""
    return field(default=default, metadata={"help": help})


@dataclass
class TrainingConfig:
    """What can be set; names are those of `transformers.TrainingArguments` where the thing is the same."""

    data: str = field(metadata={"help": "Folder that `genelm data build` wrote."})
    output_dir: str = field(metadata={"help": "Folder of the run: the model, its record, checkpoints and logs."})
    seed: int = option(0, "Decides the initial weights, the order of the genes and dropout.")
    append_eos: bool = option(True, "Whether the model learns where a gene ends. The paper's models do not.")
    train_batch_positions: int = option(16384, "Positions of a global batch (genes times the longest of them).")
    train_batch_genes: int | None = option(None, "Genes a global batch may have; no limit by default.")
    gradient_accumulation_steps: int = option(1, "Slices in which a process works off its share; saves memory.")
    num_train_epochs: int = option(10, "Passes over the training genes.")
    max_steps: int = option(-1, "Optimizer steps; if positive it overrides num_train_epochs.")
    learning_rate: float = option(1e-3, "Highest learning rate of AdamW.")
    lr_scheduler_type: str = option("cosine", "Decay: any name of transformers.get_scheduler.")
    warmup_steps: int = option(100, "Steps in which the learning rate rises from 0.")
    weight_decay: float = option(0.01, "Of weight matrices; biases and norms have none.")
    adam_beta1: float = option(0.9, "Decay of AdamW's mean of gradients.")
    adam_beta2: float = option(0.99, "Decay of AdamW's mean of squared gradients.")
    max_grad_norm: float = option(1.0, "Gradients are scaled down to this norm; 0 leaves them.")
    mixed_precision: str | None = option(None, "no, bf16 or fp16; by default what `accelerate launch` says.")
    eval_steps: int | None = option(None, "Steps between validations; by default one at the end of each epoch.")
    save_steps: int | None = option(None, "Steps between checkpoints; by default one after each validation.")
    save_total_limit: int = option(2, "Checkpoints kept.")
    logging_steps: int = option(10, "Steps between entries in the log.")
    early_stopping_patience: int | None = option(None, "Validations without improvement before the run ends.")
    use_cpu: bool = option(False, "Stay on the CPU though there is a GPU.")
    cpu_threads: int | None = option(None, "Threads of each process on a CPU; by default its share of the cores.")
    report_to: str = option("tensorboard", "Tracker of Accelerate: tensorboard, trackio, wandb ..., or none.")
    resume_from_checkpoint: str | None = option(None, "A checkpoint folder, or `latest` of output_dir.")


# ----------------------------------------------------------------------------------------------------------- options


def parse_config(arguments: list[str]) -> tuple[TrainingConfig, dict[str, Any]]:
    """Read the config file and the command line.

    Args:
        arguments: the command line, without the program.

    Returns:
        The options, and the model section: `model_type` and the options of its type.

    Raises:
        InputError: the config file cannot be read or has an unknown key.
    """
    parser = HfArgumentParser(TrainingConfig, description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", help="YAML file with options and a section `model:`.")
    path = None
    for position, argument in enumerate(arguments):
        if argument == "--config":
            path = arguments[position + 1] if position + 1 < len(arguments) else None
        elif argument.startswith("--config="):
            path = argument.removeprefix("--config=")
    options, model = _read_yaml(Path(path)) if path else ({}, {})
    from_file = [part for name, value in options.items() if value is not None for part in (f"--{name}", str(value))]
    parsed, rest = parser.parse_known_args(from_file + arguments)
    if len(rest) % 2 or not all(name.startswith("--model.") for name in rest[::2]):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        model[name.removeprefix("--model.")] = yaml.safe_load(value)
    values = vars(parsed)
    values.pop("config")
    return TrainingConfig(**values), model


def check_names(config: TrainingConfig) -> None:
    """Refuse a name that Accelerate or transformers would only stumble over later.

    Raises:
        InputError: says which names there are.
    """
    trackers = ["none", *map(str, get_available_trackers())]
    for name, value, known in (
        ("report_to", config.report_to, trackers),
        ("mixed_precision", config.mixed_precision or "no", ["no", "bf16", "fp16"]),
        ("lr_scheduler_type", config.lr_scheduler_type, [kind.value for kind in SchedulerType]),
    ):
        if value not in known:
            raise InputError(f"--{name} {value} is not known here; choose one of {', '.join(known)}.")


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options and the model section of a config file."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The config {path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"The config {path} is not a list of options (NAME: VALUE).")
    model = content.pop("model", {})
    if not isinstance(model, dict):
        raise InputError(f"The section `model:` of {path} is not a list of options (NAME: VALUE).")
    known = [entry.name for entry in dataclasses.fields(TrainingConfig)]
    for key in content:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the options are {', '.join(known)}."
            raise InputError(f"The config {path} has an unknown key {key!r}; {hint}")
    return content, model


# ------------------------------------------------------------------------------------------------------------- model


def build_model(section: dict[str, Any]) -> PreTrainedModel:
    """Build a model with random weights over our vocabulary.

    Args:
        section: `model_type`, any causal one of transformers or of ours, and the options of its configuration.

    Raises:
        InputError: there is no such type or option, or the shape is impossible.
    """
    options = dict(section)
    model_type = options.pop("model_type", None)
    if model_type not in CONFIG_MAPPING or CONFIG_MAPPING[model_type] not in MODEL_FOR_CAUSAL_LM_MAPPING:
        close = difflib.get_close_matches(str(model_type), list(CONFIG_MAPPING.keys()), n=3)
        raise InputError(
            f"model_type is {model_type!r}; expected gene_rnn, gpt2 or another causal type of transformers"
            + (f" (close: {', '.join(close)})." if close else ".")
        )
    config_class = CONFIG_MAPPING[model_type]
    known = {entry.name for entry in dataclasses.fields(config_class)} | set(config_class.attribute_map)
    for key in options:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise InputError(
                f"The model section has an unknown key {key!r} for model_type {model_type}"
                + (f"; did you mean {close[0]!r}?" if close else "; see the documentation of its configuration.")
            )
    try:
        config = config_class(
            **{"vocab_size": len(VOCABULARY), "pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID},
            **options,
        )
        model = AutoModelForCausalLM.from_config(config)
    except (ValueError, TypeError, StrictDataclassError) as error:
        reason = error.__cause__ if isinstance(error, StrictDataclassError) else error
        raise InputError(f"The model section does not describe a {model_type}: {reason}.") from error
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"A {model_type} has nothing to train by gradients; fit it with `genelm ngram fit`.")
    return model


def make_optimizer(model: torch.nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW that decays the weight matrices alone."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.adam_beta1, config.adam_beta2))


# -------------------------------------------------------------------------------------------------------------- data


@dataclass
class TrainingGenes:
    """Genes as token ids, `[BOS]` first and `[EOS]` last where it is learned.

    Attributes:
        tokens: ids of each gene, `[length]`.
        lengths: tokens of each gene, `[n_genes]`.
        num_bases: A, C, G, T of each gene, `[n_genes]`.
        num_targets: tokens of each gene that are predicted: its bases, and `[EOS]` where it is learned, `[n_genes]`.
    """

    tokens: list[npt.NDArray[np.uint8]]
    lengths: npt.NDArray[np.int64]
    num_bases: npt.NDArray[np.int64]
    num_targets: npt.NDArray[np.int64]

    @classmethod
    def encode(cls, sequences: list[str], append_eos: bool) -> "TrainingGenes":
        """Turn letters into ids."""
        end = [EOS_ID] if append_eos else []
        tokens = [np.concatenate([[BOS_ID], encode(letters), end]).astype(np.uint8) for letters in sequences]
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        num_bases = np.array([np.count_nonzero(ids >= BASE_IDS[0]) for ids in tokens], dtype=np.int64)
        return cls(tokens, lengths, num_bases, num_bases + len(end))

    def slice(self, genes: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and targets of some genes, each `[len(genes), longest - 1]`; targets not counted are -100."""
        inputs = pad_right([self.tokens[gene][:-1] for gene in genes], INPUT_FILLER)
        targets = pad_right([self.tokens[gene][1:] for gene in genes], IGNORED)
        targets[targets == UNK_ID] = IGNORED
        return torch.from_numpy(inputs), torch.from_numpy(targets)


def planned_batches(genes: TrainingGenes, config: TrainingConfig) -> Iterator[tuple[int, npt.NDArray[np.int64], bool]]:
    """Give every global batch of the run: its epoch, its genes, and whether it is the last of the epoch."""
    steps = 0
    for epoch in range(config.num_train_epochs if config.max_steps <= 0 else sys.maxsize):
        batches = epoch_batches(
            genes.lengths - 1, config.train_batch_positions, config.train_batch_genes, config.seed, epoch
        )
        for index, batch in enumerate(batches):
            yield epoch, batch, index == len(batches) - 1
            steps += 1
            if steps == config.max_steps:
                return


# ------------------------------------------------------------------------------------------------------- checkpoints


@dataclass
class Progress:
    """How far a run has come; saved with each checkpoint."""

    step: int = 0
    best_bits_per_base: float = math.inf
    best_step: int = 0
    validations_since_best: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def fixed_facts(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a run that is resumed must have in common with the one that was broken off."""
    names = ("seed", "append_eos", "train_batch_positions", "train_batch_genes", "model")
    return {name: record["config"][name] for name in names} | {"dataset": record["dataset"]["fingerprint"]}


def save_checkpoint(
    accelerator: Accelerator, config: TrainingConfig, progress: Progress, record: dict[str, Any]
) -> None:
    """Write `output_dir/checkpoint-STEP`, whole or not at all, and drop the oldest beyond `save_total_limit`."""
    final = Path(config.output_dir) / f"checkpoint-{progress.step:08d}"
    unfinished = final.with_name(f".{final.name}")
    accelerator.save_state(str(unfinished))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        content = {"progress": dataclasses.asdict(progress), "fixed": fixed_facts(record)}
        (unfinished / PROGRESS_FILE).write_text(json.dumps(content, indent=2) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(unfinished, final)
        for old in _checkpoints(config)[: -config.save_total_limit]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()


def load_checkpoint(accelerator: Accelerator, folder: Path, record: dict[str, Any]) -> Progress:
    """Restore the state of model, optimizer and schedule, and return how far the run had come.

    Raises:
        InputError: the checkpoint is of a run on other data, of another model or with other batches.
    """
    content = json.loads((folder / PROGRESS_FILE).read_text())
    for name, value in fixed_facts(record).items():
        if content["fixed"][name] != value:
            raise InputError(
                f"{folder} cannot be resumed: its {name} is {content['fixed'][name]}, but now it is {value}; give the "
                "same, or start anew in another --output_dir."
            )
    accelerator.load_state(str(folder))
    return Progress(**content["progress"])


def _checkpoints(config: TrainingConfig) -> list[Path]:
    return sorted(path.parent for path in Path(config.output_dir).glob(f"checkpoint-*/{PROGRESS_FILE}"))


def checkpoint_to_resume(config: TrainingConfig) -> Path | None:
    """Return the checkpoint to go on from, or None for a new run.

    Raises:
        InputError: there is no such checkpoint, or a new run would write into the folder of another.
    """
    output_dir = Path(config.output_dir)
    if config.resume_from_checkpoint is None:
        if output_dir.exists() and (output_dir.is_file() or any(output_dir.iterdir())):
            raise InputError(
                f"{output_dir} is not empty; go on with its run by --resume_from_checkpoint latest, remove it, or "
                "choose another --output_dir."
            )
        return None
    if config.resume_from_checkpoint != "latest":
        folder = Path(config.resume_from_checkpoint)
        if not (folder / PROGRESS_FILE).is_file():
            raise InputError(f"--resume_from_checkpoint {folder} is not a checkpoint: it has no {PROGRESS_FILE}.")
        return folder
    found = _checkpoints(config)
    if not found:
        raise InputError(
            f"--resume_from_checkpoint latest: {output_dir} has no checkpoint; leave the option out to start anew."
        )
    return found[-1]


# ---------------------------------------------------------------------------------------------------------- training


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
        stopped = "all steps taken"
        bar = tqdm(total=self.total_steps, initial=progress.step, unit="step", disable=not self._is_main)
        window = Window(self.accelerator.device)
        self.model.train()
        with bar:
            for step, (epoch, batch, ends_epoch) in enumerate(planned_batches(self.genes, config), start=1):
                if step <= progress.step:
                    continue
                gradient_norm = self._take_step(step, batch, window)
                progress.step = step
                bar.update()
                if step % config.logging_steps == 0 or step == self.total_steps:
                    figures = window.close(self.accelerator, step)
                    bar.set_postfix_str(
                        f"{figures['bits_per_target']:.4f} bits, {figures['bases_per_second']:,.0f} bases/s"
                    )
                    figures["learning_rate"] = self.scheduler.get_last_lr()[0]
                    figures["gradient_norm"] = float(gradient_norm)
                    self.accelerator.log({f"train/{name}": value for name, value in figures.items()}, step=step)
                validated = step == self.total_steps or (
                    ends_epoch if config.eval_steps is None else step % config.eval_steps == 0
                )
                if validated:
                    self._validate(epoch + 1, window)
                patience = config.early_stopping_patience
                stop = patience is not None and progress.validations_since_best >= patience
                if validated if config.save_steps is None else step % config.save_steps == 0 or stop:
                    save_checkpoint(self.accelerator, config, progress, self.record)
                if stop:
                    stopped = f"no better validation in {patience}"
                    break
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
        model = self.accelerator.unwrap_model(self.model)
        scores = score_genes(model, self.validation, description="validation")
        bits = bits_per_base(scores.base_nats, scores.n_bases)
        window.paused += time.perf_counter() - started
        self.accelerator.log({"validation/bits_per_base": bits}, step=progress.step)
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
    config, section = parse_config(sys.argv[1:] if arguments is None else arguments)
    check_names(config)
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
        project_config=ProjectConfiguration(project_dir=config.output_dir, logging_dir=f"{config.output_dir}/logs"),
    )
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != launched:
        raise InputError(f"{launched} processes were launched, but {accelerator.num_processes} of them work together.")
    if accelerator.device.type == "cpu":
        # `accelerate launch` would leave a process on a CPU one thread.
        share = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(config.cpu_threads or max(1, share))
    total_steps = config.max_steps if config.max_steps > 0 else sum(1 for _ in planned_batches(genes, config))
    optimizer = make_optimizer(model, config)
    scheduler = get_scheduler(config.lr_scheduler_type, optimizer, config.warmup_steps, total_steps)
    record = {
        "command": started_command(),
        "config": {**dataclasses.asdict(config), "model": section},
        "seed": config.seed,
        "dataset": {
            "name": manifest["name"],
            "source": manifest["source"],
            "fingerprint": manifest["fingerprint"],
            "genes": len(splits["train"]),
            "bases": int(sum(splits["train"]["length"])),
        },
        "parameters": model.num_parameters(),
        "packages": package_versions(),
        "processes": accelerator.num_processes,
        "device": torch.cuda.get_device_name() if accelerator.device.type == "cuda" else accelerator.device.type,
    }
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    accelerator.init_trackers("genelm", {name: value for name, value in vars(config).items() if value is not None})
    progress = Progress()
    if resume is not None:
        progress = load_checkpoint(accelerator, resume, record)
        accelerator.print(f"Going on from {resume}: step {progress.step} of {total_steps}.")
    validation = list(splits["validation"]["sequence"])
    Run(config, accelerator, model, optimizer, scheduler, genes, validation, total_steps, record, progress).train()
    accelerator.end_training()
    return Path(config.output_dir)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"train.py: {error}", file=sys.stderr)
        sys.exit(2)
