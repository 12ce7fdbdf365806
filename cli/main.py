"""The command `genelm` and how its errors reach the user.

Commands import what they run inside their functions: torch and transformers take seconds to load, and `--help` should
not wait for them.
"""

import sys
from typing import Annotated

import typer

from genelm.storage import exit_on_error, prepare_environment, set_verbosity, show_messages
from genelm.version import __version__

from .app import App
from .data import data
from .models import generate, ngram, push, score
from .results import baselines, evaluate, report, variants
from .training import learning_curve, sweep, train

_INTERRUPTED = 130
"""Exit status of a command that SIGINT ended."""

app = App(
    name="genelm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Generative language models of human gene DNA: data, n-grams, evaluation, generation and publishing. "
    "On several GPUs networks are trained by `accelerate launch -m genelm.cli train`.",
)
app.add_typer(data, name="data")
app.add_typer(ngram, name="ngram")
# Its options are those of the config, which it reads itself.
_AS_IT_IS = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command("train", add_help_option=False, context_settings=_AS_IT_IS)(train)
app.command()(sweep)
app.command("learning-curve")(learning_curve)
app.command()(evaluate)
app.command()(baselines)
app.command()(variants)
app.command()(report)
app.command()(generate)
app.command()(score)
app.command()(push)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"genelm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show warnings and results alone, and no bars.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more of what is being done.")] = False,
) -> None:
    """Options of the command itself; they stand before its name."""
    if quiet or verbose:
        set_verbosity("WARNING" if quiet else "DEBUG")
    show_messages()


def main() -> None:
    """Run the command line.

    Unusable input ends in one sentence on standard error and exit status 2, Ctrl-C in one and 130.
    """
    prepare_environment()
    with exit_on_error("genelm"):
        try:
            app()
        except SystemExit as end:
            if end.code == _INTERRUPTED:
                said = "Interrupted; nothing is half-written, and the same command goes on where it can"
                print(f"genelm: {said}.", file=sys.stderr)
            raise
