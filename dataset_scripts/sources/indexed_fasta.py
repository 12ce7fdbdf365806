"""Files that htslib reads, however they are compressed, and FASTA files that are read at any place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysam

from genelm.storage import GZIP_MAGIC, InputError, open_bytes

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that every whole bgz file ends in (SAM specification, section 4.1.2)."""


@contextmanager
def without_plain_gzip(path: Path) -> Iterator[Path]:
    """Yield a file that htslib can go back in: the file itself, or where it is of ordinary gzip an unpacked copy.

    Raises:
        InputError: the file is of bgz and cut off.
    """
    if _compression(path) != "gzip":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.stem
        with open_bytes(path) as packed, open(plain, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        yield plain


@contextmanager
def open_indexed_fasta(path: Path) -> Iterator[pysam.FastaFile]:
    """Open FASTA for reading at any place.

    Args:
        path: the file. Plain and bgz files are read through an index in a temporary folder; one that lies beside them
            may be of another version and is not used. Files of ordinary gzip are unpacked to a temporary file first.

    Yields:
        The open file.

    Raises:
        InputError: the file cannot be used, or proves damaged while it is read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file; give FASTA, plain, gzip or bgz.")
    with tempfile.TemporaryDirectory() as folder, without_plain_gzip(path) as plain:
        index, blocks = Path(folder, "genome.fai"), Path(folder, "genome.gzi")
        try:
            pysam.faidx(str(plain), "--fai-idx", str(index), "--gzi-idx", str(blocks), catch_stdout=False)
            with pysam.FastaFile(
                str(plain),
                filepath_index=str(index),
                filepath_index_compressed=str(blocks) if _compression(plain) else None,
            ) as contigs:
                yield contigs
        except pysam.SamtoolsError as error:  # htslib has written its reason to stderr
            raise InputError(
                f"{path} is not FASTA that can be indexed: it is damaged or something else; check it or copy it again."
            ) from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} has a sequence name that is not UTF-8 ({error}); correct it.") from error
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
                raise  # the disk, not the file's content
            raise InputError(f"{path} is not FASTA that can be read ({_words(error)}); check the file.") from error


def _compression(path: Path) -> str | None:
    with open(path, "rb") as file:
        start = file.read(18)
        if start[:2] != GZIP_MAGIC:
            return None
        if not (start[3] & 4 and start[12:14] == b"BC"):
            return "gzip"
        file.seek(-min(len(_BGZF_END), path.stat().st_size), 2)
        if file.read() != _BGZF_END:
            raise InputError(f"{path} is cut off: the last block of bgz is missing; copy or download it again.")
    return "bgz"


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
