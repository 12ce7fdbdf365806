"""Files that may be compressed, told by their content and not by their name, and what is said of damaged ones."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from .errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
"""With which a file of gzip begins, and one of bgzip, which is gzip in blocks."""


def is_gzip(path: Path) -> bool:
    """Return whether a file is compressed with gzip or bgzip, whatever its name."""
    with open(path, "rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, plain, gzip or bgzip, unpacked on the way.

    Raises:
        InputError: while it is open, the compressed file proves to be cut off or damaged.
    """
    try:
        with gzip.open(path) if is_gzip(path) else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except EOFError as error:
        raise InputError(f"{path} is cut off: the gzip stream has no end; copy or download it again.") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged ({error}); copy or download it again.") from error


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a file of UTF-8 text for reading, plain, gzip or bgzip; lines end as they do in the file.

    Raises:
        InputError: while it is open, the compressed file proves to be cut off or damaged.
    """
    with open_bytes(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        yield text
