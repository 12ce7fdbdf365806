"""Scores as a table (TSV): one row a gene, or one row a base."""

import csv
import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import torch

from genelm.storage import atomic_file

from .perplexity import bits_per_base
from .scoring import FloatArray, score_bases, score_genes


def write_gene_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> None:
    """Write what each gene costs: letters, A/C/G/T among them, bits per base, perplexity, total bits, bits of the end.

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
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["gene_id", "length", "bases", "bits_per_base", "perplexity", "total_bits", "eos_bits"])
        rows = zip(names, sequences, scores.n_bases, scores.base_nats, scores.eos_nats, strict=True)
        for name, sequence, n_bases, nats, end in rows:
            bits = bits_per_base(nats, n_bases) if n_bases else math.nan
            total, end_bits = nats / math.log(2), end / math.log(2)
            table.writerow(
                [name, len(sequence), n_bases, *(f"{value:.6f}" for value in (bits, 2**bits, total, end_bits))]
            )


def write_base_scores(
    model: torch.nn.Module, names: Sequence[str], sequences: Sequence[str], path: Path, max_positions: int
) -> list[FloatArray]:
    """Write what each base costs: gene, position (from 1), letter, bits; arguments as `write_gene_scores`.

    A letter other than A, C, G and T is not scored; its cell is empty.

    Returns:
        What `score_bases` returns, in nats.
    """
    with atomic_file(path) as temporary, _open_to_write(temporary) as file:
        scores = score_bases(model, sequences, names=names, max_positions=max_positions, description="scoring")
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["gene_id", "position", "base", "bits"])
        for name, sequence, nats in zip(names, sequences, scores, strict=True):
            for position, (base, bits) in enumerate(zip(sequence, nats / math.log(2), strict=True), start=1):
                table.writerow([name, position, base, "" if np.isnan(bits) else f"{bits:.6f}"])
    return scores


def _open_to_write(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return open(path, "w", encoding="utf-8", newline="")
