"""The command behind `train.py`: from a command line to a trained model folder."""

import dataclasses
import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType, ProjectConfiguration
from transformers import PreTrainedModel, get_scheduler

from genelm.dataset_scripts import dataset_facts, load_split, read_manifest
from genelm.eval import check_lengths, exact_recurrence
from genelm.modeling import RECORD_FILE, new_record, read_record
from genelm.storage import InputError, TrainingError, exit_on_error, show_messages, take_verbosity, write_json
from genelm.tokenization import BASE_IDS, BOS_ID

from .checkpoints import (
    LOGS_FOLDER,
    check_length,
    checkpoint_to_resume,
    load_checkpoint,
    output_dir_lock,
    remove_leftovers,
    threads_of,
)
from .devices import choose_precision, device_name, prepare_cpu
from .interruption import Interruption
from .model_factory import build_model
from .optimizer import make_optimizer
from .options import LENGTH, TrainingConfig, check_config, parse_config
from .packing import use_packed_rows
from .progress import INTERRUPTED, STILL_RUNNING, Progress
from .trainer import Trainer
from .training_genes import GeneNames, TrainingGenes

log = logging.getLogger(__name__)


def train(
    arguments: list[str], description: str | None = None, parent: int | None = None, program: str = "train.py"
) -> Path:
    """Train a model and write its folder.

    Args:
        arguments: the command line without the program.
        description: what `--help` says before the options.
        parent: id of the process that started this one, where some time has passed since then.
        program: what `--help` calls the command.

    Returns:
        The model folder, with the weights that were best on validation.

    Raises:
        InputError: an option, the data or the checkpoint cannot be used, or training cannot go on.
        SystemExit: the run was told to stop and has written a checkpoint; 128 and the number of the signal.
    """
    interruption = Interruption(os.getppid() if parent is None else parent)
    config, section = parse_config(arguments, description, program)
    check_config(config)
    resume, skipped = checkpoint_to_resume(config)
    with output_dir_lock(Path(config.output_dir)):
        return _train(config, section, resume, skipped, interruption)


def _train(
    config: TrainingConfig,
    section: dict[str, Any],
    resume: Path | None,
    skipped: list[str],
    interruption: Interruption,
) -> Path:
    data = Path(config.data)
    manifest = read_manifest(data)
    torch.manual_seed(config.seed)
    model = build_model(section)
    packed = use_packed_rows(model, [BOS_ID, *BASE_IDS])
    positions = getattr(model.config, "max_position_embeddings", None)

    # Without a GPU, processes find each other only if Accelerate is told to use the CPU.
    on_cpu = config.use_cpu or not torch.accelerator.is_available()
    precision = choose_precision(config.mixed_precision, PartialState(cpu=on_cpu).device)
    accelerator = Accelerator(
        cpu=on_cpu,
        mixed_precision=precision,
        # A step is a global batch whatever the number of processes, and so is a step of the learning rate.
        step_scheduler_with_optimizer=False,
        log_with=None if config.report_to == "none" else config.report_to,
        project_config=ProjectConfiguration(
            project_dir=config.output_dir, logging_dir=f"{config.output_dir}/{LOGS_FOLDER}"
        ),
    )
    _prepare_sharding(accelerator, model)
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != launched:
        raise TrainingError(
            f"{launched} processes were launched, but {accelerator.num_processes} of them work together."
        )
    if accelerator.device.type == "cpu":
        for message in prepare_cpu(config, threads_of(resume)):
            log.info(message)
    for message in skipped:
        log.warning(message)
    if accelerator.is_main_process:
        remove_leftovers(config)

    with accelerator.local_main_process_first():
        genes = TrainingGenes.open(data, config.append_eos, config.train_fraction, config.seed)
    validation = load_split(data, "validation")
    check_lengths(model, genes.lengths.tolist(), GeneNames(data, "train"))
    check_lengths(model, validation["length"], validation["gene_id"])
    total_steps = genes.steps(config)
    if config.warmup_steps > total_steps:
        raise InputError(
            f"Warm-up takes {config.warmup_steps} steps, but the whole training only {total_steps}; lower "
            "--warmup_steps, or train longer by --num_train_epochs or --max_steps."
        )
    optimizer = make_optimizer(model, config, precision)
    schedule = config.lr_scheduler_type
    if schedule == "constant" and config.warmup_steps:
        schedule = "constant_with_warmup"
    try:
        scheduler = get_scheduler(schedule, optimizer, config.warmup_steps, total_steps)
    except ValueError as error:
        raise InputError(
            f"The schedule {schedule} cannot start from --learning_rate {config.learning_rate:g}: {error}."
        ) from error
    record = {
        **new_record(
            model,
            config={**dataclasses.asdict(config), "model": section},
            seed=config.seed,
            dataset=dataset_facts(manifest) | genes.size(),
        ),
        "processes": accelerator.num_processes,
        "mixed_precision": precision,
        "device": device_name(accelerator.device),
        "packed_rows": packed,
        "sharded": accelerator.is_fsdp2,
    }
    model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
    # Only training steps run in mixed precision, not validation: take off the wrapper that would do it everywhere.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    progress = Progress()
    if resume is not None:
        check_length(resume, config, genes)
        progress = load_checkpoint(accelerator, resume, record)
        if accelerator.is_main_process and (stale := read_record(resume.parent)):
            length = {name: getattr(config, name) for name in LENGTH}
            now = {"config": stale.get("config", {}) | length, "stopped": STILL_RUNNING}
            write_json(resume.parent / RECORD_FILE, stale | now)
        log.info("Going on from %s: step %d of %d.", resume, progress.step, total_steps)
    options = {name: value for name, value in vars(config).items() if value is not None}
    # TensorBoard would show twice what was logged after the checkpoint.
    begin = {"tensorboard": {"purge_step": progress.step + 1}}
    accelerator.init_trackers("genelm", options, begin)
    run = Trainer(
        config=config,
        accelerator=accelerator,
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        genes=genes,
        packed=packed,
        positions=positions,
        validation=list(validation["sequence"]),
        total_steps=total_steps,
        record=record,
        progress=progress,
        interruption=interruption,
    )
    with exact_recurrence(precision == "no"):
        stopped = run.train()
    accelerator.end_training()
    if stopped == INTERRUPTED:
        log.info("Interrupted at step %d; --resume_from_checkpoint latest goes on from there.", progress.step)
        sys.exit(128 + (interruption.signal or 0))
    log.info(
        "%s: the model of step %d, %.4f bits/base on validation; %s.",
        config.output_dir,
        progress.best_step,
        progress.best_bits_per_base,
        stopped,
    )
    return Path(config.output_dir)


def _prepare_sharding(accelerator: Accelerator, model: PreTrainedModel) -> None:
    """Refuse to shard what cannot be; weights that are sharded stay float32, as autocast alone lowers precision."""
    if accelerator.distributed_type != DistributedType.FSDP:
        return
    if not accelerator.is_fsdp2:
        raise InputError(
            "Models are sharded by version 2 of FSDP; give fsdp_version: 2, as configs/accelerate/sharded.yaml does."
        )
    if getattr(model, "carries_state", False):
        raise InputError(
            f"A {model.config.model_type} cannot be sharded, only a transformer can; launch without FSDP, any device "
            "holds such a model."
        )
    accelerator.state.fsdp_plugin.mixed_precision_policy = None


def main(description: str | None, parent: int, program: str = "train.py", arguments: list[str] | None = None) -> None:
    """Run the command; unusable input ends in one sentence on standard error and exit status 2.

    Args:
        description: as of `train`.
        parent: as of `train`.
        program: the name of the command, for `--help` and errors.
        arguments: the command line without the program; by default that of the process.
    """
    given = take_verbosity(sys.argv[1:] if arguments is None else arguments)
    show_messages()
    try:
        with exit_on_error(program):
            train(given, description, parent, program)
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0":
            print(
                f"{program}: Interrupted; --resume_from_checkpoint latest goes on where there is a checkpoint.",
                file=sys.stderr,
            )
        sys.exit(130)
