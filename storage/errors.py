"""The errors that are said in one sentence, and how a command ends in one."""

import errno
import os
import string
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_SECONDS_FOR_THE_FIRST = 5.0
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


class GenelmError(Exception):
    """Something cannot go on, and the message says all there is to say: what was found, and what to do.

    Commands print it without a traceback and exit with status 2; any other exception is a bug and keeps its traceback.
    """


class InputError(GenelmError):
    """A file, an option or a config cannot be used; names the file, row or gene, and what was expected."""


class OutOfMemoryError(GenelmError):
    """Memory of a device does not suffice; says what takes less."""


class TrainingError(GenelmError):
    """A training cannot go on: its loss is not finite, its processes do not find each other, or it ended early."""


class ServerError(GenelmError):
    """A server cannot be reached, or does not do what it was asked for."""


class OptionError(InputError):
    """Options cannot be used, or not together; a command whose options have other names says it in its own.

    Args:
        template: the message, as of `str.format`: `{name}` stands for the name of an option, `{}` for a value.
        values: what was given, in order. It is never read as part of the template.
    """

    def __init__(self, template: str, *values: object) -> None:
        super().__init__(template, *values)
        self._template, self._values = template, values

    def __str__(self) -> str:
        return self.naming(str)

    def naming(self, name_of: Callable[[str], str]) -> str:
        """Return the message with other names for the options."""
        names = {name for _, name, _, _ in string.Formatter().parse(self._template) if name}
        return self._template.format(*self._values, **{name: name_of(name) for name in names})


def check_given_once(option: str, values: Sequence[str]) -> None:
    """Refuse several values of an option that takes one, rather than let the last of them win without a word.

    Args:
        option: as its user writes it.
        values: all that were given.

    Raises:
        InputError: there are several.
    """
    if len(values) > 1:
        said = f"{', '.join(values[:-1])} and {values[-1]}"
        raise InputError(f"{option} is given {len(values)} times, as {said}, but takes one value; give it once.")


@contextmanager
def exit_on_error(program: str) -> Iterator[None]:
    """End the process in one sentence and exit status 2 where a `GenelmError` comes up, or a disk is full or closed.

    Args:
        program: what the sentence begins with. Of several processes the first says what all would say; another one
            says what it alone met with.
    """
    try:
        yield
    except GenelmError as error:
        _end(program, str(error))
    except Exception as error:
        place = getattr(error, "filename2", None) or getattr(error, "filename", None)
        if _says_disk_is_full(error):
            where = f" at {place}" if place else ""
            _end(program, f"The disk is full{where}; nothing half-written was kept. Free space, or write elsewhere.")
        if not isinstance(error, OSError) or error.errno not in _CLOSED or not place:
            raise
        _end(program, f"{place}: {error.strerror}. Choose another place, or change the permissions of this one.")


def _says_disk_is_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # safetensors' own error, and what PyTorch's writer says when less was written than it asked for
    return any(words in str(error) for words in ("No space left on device", "unexpected pos", "file write failed"))


def _end(program: str, message: str) -> None:
    if os.environ.get("RANK", "0") != "0":
        # An error that all have is said by the first, at whose end the launcher ends the others.
        time.sleep(_SECONDS_FOR_THE_FIRST)
    print(f"{program}: {message}", file=sys.stderr, flush=True)
    sys.exit(2)
