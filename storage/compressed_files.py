"""Files that may be compressed with gzip or bgzip, told by their content, and what is said of damaged ones."""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

from .errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that every whole bgzip file ends in (SAM specification, section 4.1.2)."""


def compression_of(path: Path) -> Literal["gzip", "bgzip"] | None:
    """Return how a file is compressed, whatever its name: `gzip`, `bgzip`, or None for not at all.

    Raises:
        InputError: the file is of bgzip and cut off.
    """
    with open(path, "rb") as file:
        start = file.read(18)
        if start[:2] != _GZIP_MAGIC:
            return None
        if not (len(start) == 18 and start[3] & 4 and start[12:14] == b"BC"):
            return "gzip"
        file.seek(-min(len(_BGZF_END), path.stat().st_size), 2)
        if file.read() != _BGZF_END:
            raise InputError(f"{path} is cut off: the last block of bgz is missing; copy or download it again.")
    return "bgzip"


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked on the way if it is compressed, whatever its name.

    Yields:
        The file as bytes.

    Raises:
        InputError: now or while it is read, the compressed file proves to be cut off or damaged.
    """
    compression = compression_of(path)
    try:
        with gzip.open(path) if compression else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except EOFError as error:
        raise InputError(f"{path} is cut off: the gzip stream has no end; copy or download it again.") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged ({error}); copy or download it again.") from error


@contextmanager
def open_text(path: Path, encoding: str = "utf-8-sig") -> Iterator[TextIO]:
    """Open a text file for reading, unpacked on the way if it is compressed, whatever its name.

    Args:
        path: the file.
        encoding: of the text; by default UTF-8, with or without a byte order mark.

    Yields:
        The file as text; ends of lines stay as they are, as the module `csv` wants them.

    Raises:
        InputError: now or while it is read, the compressed file proves to be cut off or damaged.
        UnicodeDecodeError: while it is read, the text proves to be of another encoding.
    """
    with open_bytes(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        yield text


@contextmanager
def seekable_file(path: Path) -> Iterator[Path]:
    """Yield the path of a file in which htslib can go to any place: plain, or of bgzip.

    It is the file itself, or where that is of ordinary gzip an unpacked copy, which is removed at the end.

    Raises:
        InputError: the file is cut off or damaged.
    """
    if compression_of(path) != "gzip":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        with open_bytes(path) as packed, open(plain, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        yield plain
