"""Scores as a table (TSV): one row a gene, or one row a base."""

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import torch

from genelm.storage import atomic_file

from .perplexity import bits_per_base
from .scoring import FloatArray, GeneScores, score_bases, score_genes


def gene_columns(names: Sequence[str], sequences: Sequence[str], scores: GeneScores) -> dict[str, list[Any]]:
    """Return what each gene costs: letters, A/C/G/T among them, bits per base, perplexity, all bits, those of the end.

    Args:
        names: of the genes.
        sequences: the genes as letters; one without A, C, G or T has NaN for its means.
        scores: of these genes.
    """
    pairs = zip(scores.base_nats.tolist(), scores.n_bases.tolist(), strict=True)
    bits = [bits_per_base(nats, n_bases) if n_bases else math.nan for nats, n_bases in pairs]
    return {
        "gene_id": list(names),
        "length": list(map(len, sequences)),
        "bases": scores.n_bases.tolist(),
        "bits_per_base": bits,
        "perplexity": [_power_of_two(one) for one in bits],
        "total_bits": (scores.base_nats / math.log(2)).tolist(),
        "eos_bits": (scores.eos_nats / math.log(2)).tolist(),
    }


def base_columns(names: Sequence[str], sequences: Sequence[str], bits: Sequence[FloatArray]) -> dict[str, list[Any]]:
    """Return what each base costs: gene, position (from 1), letter, bits; NaN where a letter is not scored.

    Args:
        names: of the genes.
        sequences: the genes as letters.
        bits: of each base of each gene, `[length]`.
    """
    return {
        "gene_id": [name for name, sequence in zip(names, sequences, strict=True) for _ in sequence],
        "position": [position for sequence in sequences for position in range(1, len(sequence) + 1)],
        "base": [base for sequence in sequences for base in sequence],
        "bits": [one for track in bits for one in track.tolist()],
    }


def write_gene_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> None:
    """Write `gene_columns` as a table.

    Args:
        model: what `score_genes` takes.
        names: of the genes.
        sequences: the genes as letters; one without A, C, G or T gets NaN for its means.
        path: the TSV file; compressed where its name ends in .gz.
        max_positions: of one batch, padding included.

    Raises:
        InputError: a gene is too long for the model, or the file cannot be written.
    """
    with atomic_file(path) as temporary, _open_to_write(temporary) as file:
        scores = score_genes(model, sequences, names=names, max_positions=max_positions, description="scoring")
        _write_rows(file, gene_columns(names, sequences, scores))


def write_base_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> list[FloatArray]:
    """Write `base_columns` as a table; arguments as `write_gene_scores`.

    A letter other than A, C, G and T is not scored; its cell is empty.

    Returns:
        What `score_bases` returns, in nats.
    """
    with atomic_file(path) as temporary, _open_to_write(temporary) as file:
        scores = score_bases(model, sequences, names=names, max_positions=max_positions, description="scoring")
        columns = base_columns(names, sequences, [nats / math.log(2) for nats in scores])
        columns["bits"] = ["" if math.isnan(bits) else bits for bits in columns["bits"]]
        _write_rows(file, columns)
    return scores


def _power_of_two(bits: float) -> float:
    """Return a perplexity, infinite where it is too large for a float."""
    return 2**bits if bits < 1024 else math.inf


def _write_rows(file: TextIO, columns: dict[str, list[Any]]) -> None:
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        table.writerow([f"{value:.6f}" if isinstance(value, float) else value for value in row])


def _open_to_write(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return open(path, "w", encoding="utf-8", newline="")
