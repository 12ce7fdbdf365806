"""The options of `train.py`: a YAML file, and a command line that wins over it."""

import argparse
import dataclasses
import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType
from transformers import HfArgumentParser

from genelm.storage import InputError, check_given_once


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
    train_batch_positions: int = option(16384, "Bases and other symbols of a global batch, padding included.")
    train_batch_genes: int | None = option(None, "Genes a global batch may have; no limit by default.")
    train_fraction: float = option(1.0, "Share of the training genes, drawn by the seed; a larger share has them too.")
    gradient_accumulation_steps: int = option(1, "Slices in which a process works off its share; saves memory.")
    num_train_epochs: int = option(10, "Passes over the training genes.")
    max_steps: int = option(-1, "Optimizer steps; if positive it overrides num_train_epochs.")
    optimizer: str = option(
        "adamw", "adamw; or muon for the matrices of linear and recurrent layers, and adamw for the rest."
    )
    learning_rate: float = option(1e-3, "Highest learning rate.")
    lr_scheduler_type: str = option("cosine", "Decay: constant, linear, cosine, polynomial, inverse_sqrt ...")
    warmup_steps: int = option(100, "Steps in which the learning rate rises from 0.")
    weight_decay: float = option(0.01, "Of weight matrices; biases and norms have none.")
    adam_beta1: float = option(0.9, "Decay of AdamW's mean of gradients.")
    adam_beta2: float = option(0.99, "Decay of AdamW's mean of squared gradients.")
    max_grad_norm: float = option(1.0, "Gradients are scaled down to this norm; 0 leaves them.")
    mixed_precision: str = option(
        "auto", "no, bf16, fp16, or auto: bf16 where the device has it, or what was launched."
    )
    eval_steps: int | None = option(None, "Steps between validations; by default one at the end of each epoch.")
    save_steps: int | None = option(None, "Steps between checkpoints; by default one after each validation.")
    save_total_limit: int = option(2, "Checkpoints kept.")
    logging_steps: int = option(10, "Steps between entries in the log.")
    early_stopping_patience: int | None = option(None, "Validations without improvement before the run ends.")
    use_cpu: bool = option(False, "Stay on the CPU though there is a GPU.")
    cpu_threads: int | None = option(None, "Threads of each process on a CPU; by default its share of the cores.")
    report_to: str = option("tensorboard", "Tracker of Accelerate: tensorboard, trackio, wandb ..., or none.")
    resume_from_checkpoint: str | None = option(None, "A checkpoint folder, or `latest` of output_dir.")

    def __post_init__(self) -> None:
        if str(self.mixed_precision).lower() == "false":  # what YAML makes of `no`
            self.mixed_precision = "no"


MIN_VALUES = {
    "seed": 0,
    "train_batch_positions": 1,
    "train_batch_genes": 1,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 1,
    "warmup_steps": 0,
    "learning_rate": 0,
    "weight_decay": 0,
    "max_grad_norm": 0,
    "eval_steps": 1,
    "save_steps": 1,
    "save_total_limit": 1,
    "logging_steps": 1,
    "early_stopping_patience": 1,
    "cpu_threads": 1,
}
"""Smallest value of each number that has one."""

LARGEST_SEED = 2**63 - 1

RESUME_KEYS = (
    "seed",
    "append_eos",
    "train_batch_positions",
    "train_batch_genes",
    "train_fraction",
    "optimizer",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "max_grad_norm",
    "eval_steps",
)
"""Options that a run that is resumed must have as the one that was broken off had them."""

LENGTH = ("num_train_epochs", "max_steps")
"""Options that say how long a run is; one that is resumed may go on to another length, where its schedule allows."""

SCHEDULES = [
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
]
"""Those of transformers.get_scheduler that need nothing but the numbers of steps."""

OPEN_ENDED = ["constant", "constant_with_warmup", "inverse_sqrt"]
"""Schedules in which the learning rate of a step does not depend on how many are to follow."""

_PACKAGES = {"aim": "'aim<4'", "comet_ml": "comet-ml"}
"""What pip calls trackers, where that is not their name alone; Accelerate takes aim before 4."""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the lines of the description, and gives the default of each option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.required:
            return f"{action.help} Required."
        if action.default is None:
            return action.help
        if action.option_strings[0].startswith("--no_"):
            return f"Turns --{action.dest} off."
        return super()._get_help_string(action)


def parse_config(
    arguments: list[str], description: str | None = None, program: str | None = None
) -> tuple[TrainingConfig, dict[str, Any]]:
    """Read the config file and the command line.

    Args:
        arguments: the command line, without the program.
        description: what `--help` says before the options.
        program: what `--help` calls the command.

    Returns:
        The options, and the model section: `model_type` and the options of its type.

    Raises:
        InputError: the config file cannot be read or has an unknown key, or the command line an unknown option, one
            without its value or one with several.
    """
    parser = HfArgumentParser(
        TrainingConfig, prog=program, description=description, allow_abbrev=False, formatter_class=_HelpFormatter
    )
    parser.add_argument("--config", help="YAML file with options and a section `model:`.")
    path = None
    for position, argument in enumerate(arguments):
        if argument == "--config":
            path = arguments[position + 1] if position + 1 < len(arguments) else None
        elif argument.startswith("--config="):
            path = argument.removeprefix("--config=")
    options, model = _read_config(Path(path)) if path else ({}, {})
    from_file = [part for name, value in options.items() if value is not None for part in (f"--{name}", str(value))]
    parsed, rest = parser.parse_known_args(from_file + arguments)
    _check_given_once(parser, arguments)
    model |= _model_options(rest)
    values = vars(parsed)
    values.pop("config")
    return TrainingConfig(**values), model


def _check_given_once(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    """Read a command line as if all options were lists, and refuse those that have several values."""
    lists = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in parser._actions:
        if option.nargs == 0:
            lists.add_argument(
                *option.option_strings, dest=option.dest, action="append_const", const=option.option_strings[0]
            )
        else:
            lists.add_argument(
                *option.option_strings, dest=option.dest, action="append", nargs=option.nargs, const=option.const
            )
    for name, values in vars(lists.parse_known_args(arguments)[0]).items():
        check_given_once(f"--{name}", [str(value) for value in values or []])


def _model_options(words: list[str]) -> dict[str, Any]:
    """Read what is left of a command line, `--model.NAME VALUE` or `--model.NAME=VALUE`."""
    options: dict[str, Any] = {}
    given: dict[str, list[str]] = {}
    left = list(words)
    while left:
        name, has_value, value = left.pop(0).partition("=")
        if not name.startswith("--model."):
            names = [entry.name for entry in dataclasses.fields(TrainingConfig)]
            known = ["--config", "--no_append_eos", *(f"--{one}" for one in names)]
            close = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"There is no option {name}; {f'did you mean {close[0]}?' if close else 'see train.py --help.'}"
            )
        if not has_value:
            if not left or left[0].startswith("--"):
                raise InputError(f"{name} has no value; give one.")
            value = left.pop(0)
        given.setdefault(name, []).append(value)
        check_given_once(name, given[name])
        try:
            options[name.removeprefix("--model.")] = _load_yaml(value)
        except yaml.YAMLError as error:
            raise InputError(f"The value of {name}, {value!r}, is not YAML.") from error
    return options


class _Loader(yaml.SafeLoader):
    """Reads `1e-5` as a number, as YAML 1.2 does; PyYAML wants a point in it. Refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if key.value in lines:
                raise yaml.YAMLError(f"{key.value} is in line {lines[key.value]} and in line {line}; give it once.")
            lines[key.value] = line
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)


def read_yaml(path: Path, kind: str, home: str) -> Any:
    """Read a YAML file.

    Args:
        path: of the file.
        kind: what errors call it.
        home: where those lie that come with genelm.

    Returns:
        What it holds.

    Raises:
        InputError: there is no such file, or it is not YAML.
    """
    try:
        return _load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"There is no {kind} {path}; those that come with genelm are in {home}.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The {kind} {path} cannot be read as YAML: {error}") from error


def check_config(config: TrainingConfig) -> None:
    """Refuse a name or a number that would only be stumbled over later.

    Raises:
        InputError: says which names there are, or from where on numbers go.
    """
    for name, least in MIN_VALUES.items():
        value = getattr(config, name)
        if value is not None and not value >= least:
            raise InputError(f"--{name} {value} is too small; give {least} or more.")
    if config.seed > LARGEST_SEED:
        raise InputError(f"--seed {config.seed} is too large; give {LARGEST_SEED} or less.")
    if config.cpu_threads is not None and config.cpu_threads > (os.cpu_count() or 1):
        raise InputError(f"--cpu_threads {config.cpu_threads} is more than there are: {os.cpu_count()}.")
    for name in ("adam_beta1", "adam_beta2"):
        if not 0 <= getattr(config, name) < 1:
            raise InputError(f"--{name} {getattr(config, name)} is no decay; give 0 or more, and less than 1.")
    if not 0 < config.train_fraction <= 1:
        raise InputError(
            f"--train_fraction {config.train_fraction} is no share of the genes; give more than 0, up to 1."
        )
    trackers = ["none", *(str(tracker) for tracker in LoggerType if tracker != LoggerType.ALL)]
    for name, value, known in (
        ("report_to", config.report_to, trackers),
        ("mixed_precision", config.mixed_precision, ["auto", "no", "bf16", "fp16"]),
        ("optimizer", config.optimizer, ["adamw", "muon"]),
        ("lr_scheduler_type", config.lr_scheduler_type, SCHEDULES),
    ):
        if value not in known:
            raise InputError(f"--{name} {value} is not known here; choose one of {', '.join(known)}.")
    installed = ["none", *map(str, get_available_trackers())]
    # The first process alone speaks to the tracker; the others need not have it.
    if config.report_to not in installed and os.environ.get("RANK", "0") == "0":
        package = _PACKAGES.get(config.report_to, config.report_to)
        raise InputError(
            f"--report_to {config.report_to} needs a package that is not installed; `pip install {package}`, or "
            f"choose one of {', '.join(installed)}."
        )


def _read_config(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options and the model section of a config file."""
    content = read_yaml(path, "config", "configs/")
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
