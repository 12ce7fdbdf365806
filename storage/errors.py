"""The one exception that means: what the user gave cannot be used, and how a command ends in it."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS_FOR_THE_FIRST = 5.0


class InputError(Exception):
    """A file, an option or a config cannot be used.

    The message is complete in itself: it names the file, row or gene, what was found, what was expected and what to
    do. Commands print it without a traceback and exit with status 2; any other exception is a bug and keeps its
    traceback.
    """


@contextmanager
def input_errors_end(program: str) -> Iterator[None]:
    """End the process in one sentence and exit status 2 where an `InputError` comes up, or the disk is full.

    Args:
        program: what the sentence begins with. Of several processes the first says what all would say; another one
            says what it alone met with.
    """
    try:
        yield
    except InputError as error:
        _end(program, str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" at {error.filename}" if error.filename else ""
        _end(
            program,
            f"The disk is full{where}; nothing half-written was kept. Free space, or write elsewhere.",
        )


def _end(program: str, message: str) -> None:
    if os.environ.get("RANK", "0") != "0":
        # An error that all have is said by the first, at whose end the launcher ends the others.
        time.sleep(_SECONDS_FOR_THE_FIRST)
    print(f"{program}: {message}", file=sys.stderr, flush=True)
    sys.exit(2)
