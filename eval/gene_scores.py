"""What each gene costs, kept: to go on after an interruption, and to compare models gene by gene.

A comparison of two models is paired: the difference of their costs gene by gene has a much narrower interval than
either figure has, for both find the same genes hard.
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from genelm.storage import InputError, atomic_file

N_TOTALS = 5
"""Numbers kept of a sequence: the columns of `scoring.GeneScores`."""

_SECONDS_BETWEEN_COMMITS = 2.0

COLUMNS = ("gene_id", "cluster_id", "familiarity", "n_bases", "base_nats", "eos_nats")


class ScoreCache:
    """Scores of sequences under one model, in a file that survives the process.

    Only a finished sequence is in it; what was lost with the process is scored again, to the same number.
    """

    def __init__(self, path: Path, model_fingerprint: str) -> None:
        """Name the file, which is opened or made when scoring begins; scores of another model are thrown away."""
        self._path, self._model_fingerprint = path, model_fingerprint
        self._committed = time.monotonic()

    @cached_property
    def _database(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open()
        except sqlite3.DatabaseError:  # cut off by a full disk, or something else under this name
            self._path.unlink()
            return self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        database.execute("CREATE TABLE IF NOT EXISTS model (fingerprint TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS scores (digest BLOB PRIMARY KEY, totals BLOB)")
        if database.execute("SELECT fingerprint FROM model").fetchall() != [(self._model_fingerprint,)]:
            database.execute("DELETE FROM scores")
            database.execute("DELETE FROM model")
            database.execute("INSERT INTO model VALUES (?)", (self._model_fingerprint,))
        database.commit()
        return database

    def read(self, encoded: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float64]:
        """Give the totals of each sequence, NaN where it has not been scored, shape `[N_TOTALS, n_sequences]`."""
        totals = np.full((N_TOTALS, len(encoded)), np.nan)
        for i, ids in enumerate(encoded):
            row = self._database.execute("SELECT totals FROM scores WHERE digest = ?", (_digest(ids),)).fetchone()
            if row is not None:
                totals[:, i] = np.frombuffer(row[0])
        return totals

    def write(self, ids: npt.NDArray[np.uint8], totals: npt.NDArray[np.float64]) -> None:
        """Keep the totals of a sequence, `[N_TOTALS]`; on the disk within two seconds."""
        self._database.execute("INSERT OR REPLACE INTO scores VALUES (?, ?)", (_digest(ids), totals.tobytes()))
        if time.monotonic() - self._committed > _SECONDS_BETWEEN_COMMITS:
            self._database.commit()
            self._committed = time.monotonic()

    def close(self) -> None:
        """Write what has not been written."""
        self._database.commit()
        self._database.close()

    def remove(self) -> None:
        """Delete the file, once the results stand."""
        self.close()
        self._path.unlink()


def gene_scores_path(results_file: Path) -> Path:
    """Name the file of scores by gene that lies beside a results file."""
    return results_file.with_suffix(".genes.parquet")


def write_gene_table(table: pa.Table, path: Path) -> None:
    """Write the columns of `COLUMNS`, one row a gene."""
    with atomic_file(path) as temporary:
        pq.write_table(table.select(COLUMNS), temporary, compression="zstd")


def read_gene_table(path: Path) -> pa.Table:
    """Read what `write_gene_table` wrote.

    Raises:
        InputError: the file is something else.
    """
    try:
        return pq.read_table(path, columns=list(COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} does not hold the scores of genes ({error}); evaluate the model again.") from None


def _digest(ids: npt.NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()
