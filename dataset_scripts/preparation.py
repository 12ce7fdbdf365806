"""From a config to the genes of each split: read, clean, deduplicate, split."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from genelm.storage import InputError, sha256_of

from .cleaning import Dropped, check_gene_ids, clean, drop_copies_of, drop_duplicates
from .config import HumanGenesConfig
from .csv_source import read_csv
from .fasta_source import read_fasta
from .genes import SPLITS, Gene, SourceGene
from .simulator import simulate_genes
from .splitting import split_at_random


@dataclass
class PreparedGenes:
    """The genes of each split and the account of how they came to be.

    Args:
        splits: split -> its genes, none empty.
        inputs: for each file read, `file`, `sha256`, `bytes` and `rows`.
        dropped: split, or `input` where the split was drawn -> reason -> number of genes.
    """

    splits: dict[str, list[Gene]]
    inputs: list[dict[str, Any]]
    dropped: dict[str, dict[str, int]]


def prepare_genes(config: HumanGenesConfig) -> PreparedGenes:
    """Read, clean, deduplicate and split.

    Of two equal sequences in one split the first stays. Of two in different splits the one in the test set stays, then
    the one in the validation set: what models are judged on is never changed by what they are trained on.

    Raises:
        InputError: a file cannot be used, a gene id stands for two sequences, or a split ends up empty.
    """
    if config.source == "simulated":
        simulated = simulate_genes(config.num_genes, config.seed, config.max_length)
        source_genes = [SourceGene(gene, "simulator") for gene in simulated]
        kept, reasons = clean(source_genes, config.min_length, config.max_length)
        genes, dropped = {"input": kept}, {"input": reasons}
        inputs: list[dict[str, Any]] = []
    else:
        genes, dropped, inputs = _read_files(config)

    for name in genes:
        genes[name], duplicates = drop_duplicates(genes[name])
        dropped[name] += duplicates
    if config.given_splits:
        _separate_splits(genes, dropped)
    check_gene_ids(source_gene for part in genes.values() for source_gene in part)
    if not config.given_splits:
        genes = _draw_splits(genes["input"], config)
    _check_not_empty(genes, dropped)
    return PreparedGenes(
        splits={split: [gene for gene, _ in genes[split]] for split in SPLITS},
        inputs=inputs,
        dropped={name: dict(sorted(reasons.items())) for name, reasons in dropped.items()},
    )


def _read_files(
    config: HumanGenesConfig,
) -> tuple[dict[str, list[SourceGene]], dict[str, Dropped], list[dict[str, Any]]]:
    genes: dict[str, list[SourceGene]] = {}
    dropped: dict[str, Dropped] = {}
    inputs: list[dict[str, Any]] = []
    for name, paths in config.files.items():
        genes[name], dropped[name] = [], Counter()
        for path in paths:
            kept, reasons, entry = _read_file(path, config)
            genes[name] += kept
            dropped[name] += reasons
            inputs.append(entry)
    return genes, dropped, inputs


def _read_file(path: Path, config: HumanGenesConfig) -> tuple[list[SourceGene], Dropped, dict[str, Any]]:
    source = read_csv(path, config.columns) if config.source == "csv" else read_fasta(path)
    kept, dropped = clean(_with_progress(source, path), config.min_length, config.max_length)
    rows = len(kept) + dropped.total()
    if not kept:
        raise InputError(
            f"None of the {rows} genes in {path} is left after cleaning ({_listed(dropped)}); give other genes or "
            f"other limits on their length (now {config.min_length} to {config.max_length} bases)."
        )
    return kept, dropped, {"file": str(path), "sha256": sha256_of(path), "bytes": path.stat().st_size, "rows": rows}


def _with_progress(genes: Iterable[SourceGene], path: Path) -> Iterator[SourceGene]:
    # A bar appears only where reading takes more than two seconds.
    yield from tqdm(genes, desc=f"reading {path.name}", unit=" genes", delay=2)


def _separate_splits(genes: dict[str, list[SourceGene]], dropped: dict[str, Dropped]) -> None:
    for reference, name in (("test", "validation"), ("test", "train"), ("validation", "train")):
        genes[name], copies = drop_copies_of(reference, genes[reference], genes[name])
        dropped[name] += copies


def _draw_splits(genes: list[SourceGene], config: HumanGenesConfig) -> dict[str, list[SourceGene]]:
    positions = split_at_random([gene["gene_id"] for gene, _ in genes], config.fractions, config.seed)
    return {split: [genes[i] for i in positions[split]] for split in SPLITS}


def _check_not_empty(genes: dict[str, list[SourceGene]], dropped: dict[str, Dropped]) -> None:
    for split in SPLITS:
        if not genes[split]:
            total = sum(len(part) for part in genes.values())
            raise InputError(
                f"The {split} split is empty: {total} genes are left for all splits, and dropped were "
                f"{_listed(dropped.get(split, dropped.get('input', Counter())))}; give more genes or other files."
            )


def _listed(dropped: Dropped) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "none"
