"""Files that may be compressed with gzip, told by their content, and what is said of damaged ones."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from genelm.storage import InputError

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_plain_or_gzip(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked on the way if it is compressed, whatever its suffix.

    Raises:
        InputError: while it is open, the compressed file proves to be cut off or damaged.
    """
    with open(path, "rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
    try:
        with gzip.open(path) if compressed else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except EOFError as error:
        raise InputError(f"{path} is cut off: the gzip stream has no end; copy or download it again.") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged ({error}); copy or download it again.") from error
