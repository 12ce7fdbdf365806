"""What a program says on the way: records of the loggers of genelm, written above the progress bars.

Library code logs (`logging.getLogger(__name__)`, whose names all begin with `genelm.`) and shows bars by
`progress_bar`; commands call `show_messages`. From Python nothing is said unless it is asked for, as for any library,
by `logging.basicConfig(level="INFO")`.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

LEVEL_VARIABLE = "GENELM_LOG_LEVEL"
"""Environment variable with the least level that commands show; processes that they start have it, too."""

_FLAGS = {"--quiet": "WARNING", "--verbose": "DEBUG"}

_GENELM = logging.getLogger("genelm")


class _AboveBars(logging.Handler):
    """Writes the text of a record on a line of its own: to standard output, warnings and errors to standard error.

    Of several processes the first alone says what all would say.
    """

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm.auto import tqdm  # late: tqdm reads the environment when it is loaded

        if os.environ.get("RANK", "0") == "0":
            tqdm.write(record.getMessage(), file=sys.stderr if record.levelno >= logging.WARNING else sys.stdout)


def set_verbosity(level: str) -> None:
    """Choose what this program and those that it starts say; before anything shows a bar.

    Args:
        level: `DEBUG`, `INFO` or `WARNING`; with the last there are no progress bars either.
    """
    os.environ[LEVEL_VARIABLE] = level
    if level == "WARNING":
        os.environ["TQDM_DISABLE"] = "1"
    _GENELM.setLevel(level)


def show_messages() -> None:
    """Write the messages of this program, from the level that the environment asks for, else from `INFO` on."""
    if not any(isinstance(handler, _AboveBars) for handler in _GENELM.handlers):
        _GENELM.addHandler(_AboveBars())
        _GENELM.propagate = False
    _GENELM.setLevel(os.environ.get(LEVEL_VARIABLE, "INFO"))


def take_verbosity(arguments: list[str]) -> list[str]:
    """Return a command line without `--quiet` and `--verbose`, which are carried out."""
    for flag, level in _FLAGS.items():
        if flag in arguments:
            set_verbosity(level)
    return [argument for argument in arguments if argument not in _FLAGS]


def progress_bar(*arguments: Any, disable: bool = False, **options: Any) -> "tqdm[Any]":
    """Return a progress bar of tqdm, which shows nothing where the environment has `TQDM_DISABLE`.

    Args:
        *arguments: of `tqdm`.
        disable: show nothing in any case, such as on a process that is not the first.
        **options: others of `tqdm`.
    """
    from tqdm.auto import tqdm  # late: tqdm reads the environment when it is loaded

    options["disable"] = disable or bool(os.environ.get("TQDM_DISABLE"))
    bar: tqdm[Any] = tqdm(*arguments, **options)
    return bar
