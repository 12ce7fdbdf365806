"""Scores as a table (TSV): one row a gene, or one row a base."""

import csv
import gzip
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import torch

from genelm.storage import atomic_file

from ..statistics import bits_per_base
from .scorer import FloatArray, GeneScores, score_bases, score_genes

GENE_COLUMNS = ("gene_id", "length", "bases", "bits_per_base", "perplexity", "total_bits", "eos_bits")
"""Of a row a gene: `length` counts all letters, `bases` the A, C, G and T among them, `eos_bits` is for the end."""

BASE_COLUMNS = ("gene_id", "position", "base", "bits")
"""Of a row a base: positions count from 1."""


def gene_rows(names: Sequence[str], sequences: Sequence[str], scores: GeneScores) -> Iterator[tuple[Any, ...]]:
    """Yield `GENE_COLUMNS` of each gene.

    Args:
        names: of the genes.
        sequences: the genes as letters; one without A, C, G or T has NaN for its means.
        scores: of these genes.
    """
    numbers = (values.tolist() for values in (scores.n_bases, scores.base_nats, scores.eos_nats))
    for name, sequence, n_bases, nats, end in zip(names, sequences, *numbers, strict=True):
        bits = bits_per_base(nats, n_bases) if n_bases else math.nan
        perplexity = 2**bits if bits < sys.float_info.max_exp else bits * math.inf
        yield name, len(sequence), n_bases, bits, perplexity, nats / math.log(2), end / math.log(2)


def base_rows(
    names: Sequence[str], sequences: Sequence[str], tracks: Iterable[FloatArray]
) -> Iterator[tuple[str, int, str, float]]:
    """Yield `BASE_COLUMNS` of each base of each gene; NaN bits where a letter is not scored.

    Args:
        names: of the genes.
        sequences: the genes as letters.
        tracks: for each gene the bits of its letters, `[length]`.
    """
    for name, sequence, track in zip(names, sequences, tracks, strict=True):
        for position, (base, bits) in enumerate(zip(sequence, track.tolist(), strict=True), start=1):
            yield name, position, base, bits


def write_gene_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> None:
    """Write `gene_rows` as a table.

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
        _write_rows(file, GENE_COLUMNS, gene_rows(names, sequences, scores))


def write_base_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> list[FloatArray]:
    """Write `base_rows` as a table; the cell of a letter other than A, C, G and T is empty.

    Args:
        model: what `score_bases` takes.
        names: of the genes.
        sequences: the genes as letters.
        path: the TSV file; compressed where its name ends in .gz.
        max_positions: of one batch, padding included.

    Returns:
        What `score_bases` returns, in nats.
    """
    with atomic_file(path) as temporary, _open_to_write(temporary) as file:
        scores = score_bases(model, sequences, names=names, max_positions=max_positions, description="scoring")
        rows = base_rows(names, sequences, (nats / math.log(2) for nats in scores))
        _write_rows(file, BASE_COLUMNS, ((*row, "" if math.isnan(bits) else bits) for *row, bits in rows))
    return scores


def _write_rows(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        table.writerow([f"{value:.6f}" if isinstance(value, float) else value for value in row])


def _open_to_write(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return open(path, "w", encoding="utf-8", newline="")
