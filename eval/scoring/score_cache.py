"""What an evaluation has found so far, kept in a file beside the results so that it goes on after an interruption."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError

_SECONDS_BETWEEN_COMMITS = 2.0

_SQLITE = b"SQLite format 3\0"
"""With which a file of SQLite begins."""


class ScoreCache:
    """What one model said of each sequence and generated in each batch, in a file that survives the process.

    Only what is finished is in it; what was lost with the process is computed again, to the same bits.
    """

    def __init__(self, path: Path, key: str) -> None:
        """Name the file, which is opened or made at the first use.

        Args:
            path: the file.
            key: all that decides what is kept, such as the model's fingerprint; what a file holds of anything else
                is thrown away.
        """
        self._path, self._key = path, key
        self._committed = time.monotonic()

    @cached_property
    def _database(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._refusals():
            try:
                return self._open()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:  # cut off by a full disk, or something else under this name
                with self._path.open("rb") as file:
                    if file.read(len(_SQLITE)) not in (_SQLITE, b""):
                        raise InputError(
                            f"{self._path}, where scores are kept until the results are written, is no file of ours; "
                            "move it, or name the results otherwise."
                        ) from error
                self._path.unlink()
                return self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        database.execute("CREATE TABLE IF NOT EXISTS decides (text TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS kept (digest BLOB PRIMARY KEY, value BLOB)")
        if database.execute("SELECT text FROM decides").fetchall() != [(self._key,)]:
            database.execute("DELETE FROM kept")
            database.execute("DELETE FROM decides")
            database.execute("INSERT INTO decides VALUES (?)", (self._key,))
        database.commit()
        return database

    def read(self, kind: str, key: bytes) -> bytes | None:
        """Return what was kept of this kind under this key, or None."""
        row = self._database.execute("SELECT value FROM kept WHERE digest = ?", (_digest(kind, key),)).fetchone()
        return None if row is None else row[0]

    def write(self, kind: str, key: bytes, value: bytes) -> None:
        """Keep a value; on the disk within two seconds if more follow, or with `close`."""
        with self._refusals():
            self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (_digest(kind, key), value))
            if time.monotonic() - self._committed > _SECONDS_BETWEEN_COMMITS:
                self._database.commit()
                self._committed = time.monotonic()

    def read_rows(self, kind: str, genes: Sequence[npt.NDArray[np.uint8]], width: int) -> npt.NDArray[np.float64]:
        """Return the numbers kept of each gene, NaN where there are none, shape `[n_genes, width]`.

        Args:
            kind: what the numbers are.
            genes: ids of the letters of each.
            width: how many numbers a gene has.
        """
        rows = np.full((len(genes), width), np.nan)
        for row, ids in zip(rows, genes, strict=True):
            value = self.read(kind, ids.tobytes())
            if value is not None:
                row[:] = np.frombuffer(value)
        return rows

    def write_row(self, kind: str, gene: npt.NDArray[np.uint8], row: npt.NDArray[np.float64]) -> None:
        """Keep the numbers of a gene, shape `[width]`."""
        self.write(kind, gene.tobytes(), row.tobytes())

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise InputError(
                f"{self._path}, where an evaluation keeps what it has found, cannot be written ({error}); end what "
                "else writes it, free space, or choose another output."
            ) from error

    def close(self) -> None:
        """Write what has not been written."""
        self._database.commit()
        self._database.close()

    def remove(self) -> None:
        """Delete the file, once the results stand."""
        self.close()
        self._path.unlink()


def _digest(kind: str, key: bytes) -> bytes:
    return hashlib.blake2b(kind.encode() + b"\0" + key, digest_size=16).digest()
