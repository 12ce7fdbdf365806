"""FASTA files that are read at any position, however they are compressed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pysam

from genelm.storage import InputError, compression_of, seekable_file


@contextmanager
def open_indexed_fasta(path: Path) -> Iterator[pysam.FastaFile]:
    """Open FASTA for reading at any position.

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
    with tempfile.TemporaryDirectory() as folder, seekable_file(path) as plain:
        index, blocks = Path(folder, "genome.fai"), Path(folder, "genome.gzi")
        try:
            pysam.faidx(str(plain), "--fai-idx", str(index), "--gzi-idx", str(blocks), catch_stdout=False)
            with pysam.FastaFile(
                str(plain),
                filepath_index=str(index),
                filepath_index_compressed=str(blocks) if compression_of(plain) else None,
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


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
