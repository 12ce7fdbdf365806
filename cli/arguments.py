"""Arguments that several commands have in common."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genelm.storage import LOAD, InputError, OptionError, check_given_once

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Model = Annotated[str, typer.Argument(help="Folder of a model, or USER/NAME on the Hub.")]

MaxPositions = Annotated[
    int | None,
    typer.Option(min=1, help="Positions of a batch, padding included; fewer need less memory. [default: 16384]"),
]

Context = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Read genes longer than the model's positions in windows, with so many bases of context from the one "
        "before; without it they are refused.",
    ),
]

TrustRemoteCode = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run the code that the model brings; needed for families of others."),
]


_SINGULAR = {name: name.removesuffix("s") for name in ("columns", "validation_chromosomes", "test_chromosomes")}
"""Of options that have several values in Python, and are given one at a time here."""


@contextmanager
def names_of_options() -> Iterator[None]:
    """Let an error name the options of the command line rather than those of Python."""
    try:
        yield
    except OptionError as error:
        named = error.naming(lambda name: f"--{_SINGULAR.get(name, name).replace('_', '-')}")
        raise InputError(named) from error


@contextmanager
def file_or_stdout(output: Path | None) -> Iterator[Path]:
    """Yield a file to write: the one that is asked for, or one whose text goes to standard output when it is whole."""
    if output is not None:
        yield output
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "output")
        yield file
        with file.open(encoding="utf-8") as lines:
            shutil.copyfileobj(lines, sys.stdout)


def parse_columns(pairs: list[str] | None) -> dict[str, str]:
    """Turn `OURS=THEIRS` of `--column` into a mapping.

    Raises:
        InputError: a pair has another form, or one of ours has two of theirs.
    """
    columns: dict[str, list[str]] = {}
    for pair in pairs or []:
        ours, _, theirs = pair.partition("=")
        if not ours or not theirs:
            raise InputError(f"--column {pair} is not of the form OURS=THEIRS, such as sequence=dna.")
        columns.setdefault(ours, []).append(theirs)
    for ours, named in columns.items():
        check_given_once(f"--column {ours}", named)
    return {ours: theirs for ours, (theirs,) in columns.items()}


def load_to_compute(
    name: str, trust_remote_code: bool = False
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase, Path]":
    """Load a model as `genelm.eval.load_model` does, and compute on no more threads than there are free cores.

    The genes of an n-gram model wait for each other no more than once a batch, so it takes all cores.
    """
    import torch

    from genelm.eval import load_model

    network, tokenizer, folder = load_model(name, trust_remote_code=trust_remote_code)
    is_alone = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) == 1
    if is_alone and "OMP_NUM_THREADS" not in os.environ and not getattr(network, "prefers_cpu", False):
        torch.set_num_threads(min(torch.get_num_threads(), LOAD.free_cores()))
    return network, tokenizer, folder
