"""The sources of a build: what each is called, how it is read, and what it says of itself in the manifest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from genelm.storage import InputError, progress_bar, sha256_of

from ..config import GeneDatasetConfig, content_of
from ..genes import Dropped, SourceGene, is_dataset_folder, read_dataset
from ..sources import (
    NcbiServer,
    choose_assemblies,
    download_gene_packages,
    has_csv_name,
    read_csv,
    read_fasta,
    read_gene_package,
    read_genome,
    simulate_genes,
)

NCBI_ORIGIN = {
    "license": "public domain: NCBI places no restrictions on the use of its sequence data "
    "(https://www.ncbi.nlm.nih.gov/home/about/policies/)",
    "citation": "O'Leary et al., Exploring and retrieving sequence and metadata for species across the tree of life "
    "with NCBI Datasets, Scientific Data 11, 732 (2024), https://doi.org/10.1038/s41597-024-03571-y",
}


@dataclass
class Source:
    """A file, package, genome or download that genes are read from.

    Args:
        label: its name, kept with each gene.
        part: the split its genes are for, or `input` where the split is drawn, or `extra`.
        genes: reads the genes, and counts those that are dropped.
        entry: `file`, `sha256` and `bytes`, or what else stands for them in the manifest.
        origin: license, citation, organism, assembly, where the source knows them.
        dropped: genes that were dropped before reading.
    """

    label: str
    part: str
    genes: Callable[[Dropped], Iterable[SourceGene]]
    entry: dict[str, Any]
    origin: dict[str, Any] = field(default_factory=dict)
    dropped: Dropped = field(default_factory=Dropped)

    def read(self, dropped: Dropped) -> Iterator[SourceGene]:
        """Read the genes behind a progress bar, which appears only where that takes more than two seconds.

        Args:
            dropped: where genes that are dropped are counted and named.

        Raises:
            InputError: a file cannot be used.
        """
        yield from progress_bar(self.genes(dropped), desc=f"reading {self.label}", unit=" genes", delay=2)


def open_sources(config: GeneDatasetConfig) -> Iterator[Source]:
    """Yield the sources of a build in the order they are to be read; NCBI's downloads happen here.

    Args:
        config: what to build.

    Raises:
        InputError: a source cannot be reached or used.
    """
    if config.source == "simulated":
        yield Source(
            "simulated", "input", partial(_simulated, config), {"file": "simulator", "sha256": None, "bytes": 0}
        )
    elif config.source == "ncbi":
        yield from _ncbi_download(config)
    labels = _labels([path for paths in config.files.values() for path in paths])
    yield from (_genome(fasta, annotation, labels[fasta], config) for fasta, annotation in config.genomes)
    for part, paths in config.files.items():
        if part == "extra":
            yield from (_extra(path, labels, config.columns) for path in paths)
        elif config.source == "ncbi-package":
            yield from _ncbi_packages(paths, part, config.assembly, labels)
        elif config.source in ("csv", "fasta"):
            for path in paths:
                csv = partial(read_csv, columns=config.columns, label=labels[path])
                yield _file(path, part, csv if config.source == "csv" else read_fasta, labels)


def _simulated(config: GeneDatasetConfig, dropped: Dropped) -> Iterator[SourceGene]:
    del dropped  # the simulator drops nothing
    for gene in simulate_genes(config.num_genes, config.seed, config.max_length or 1000):
        yield SourceGene(gene, "simulator")


def _labels(paths: list[Path]) -> dict[Path, str]:
    """Return a label of each file: as much of its path, from the end, as tells it from the others."""
    labels = {}
    for path in paths:
        others = [other.parts for other in paths if other != path]
        ends = (n for n in range(1, len(path.parts)) if all(path.parts[-n:] != other[-n:] for other in others))
        labels[path] = "/".join(path.parts[-next(ends, len(path.parts)) :])
    return labels


def _file(path: Path, part: str, read: Callable[[Path], Iterable[SourceGene]], labels: dict[Path, str]) -> Source:
    return Source(labels[path], part, lambda dropped: read(path), _entry(path))


def _extra(path: Path, labels: dict[Path, str], columns: dict[str, str]) -> Source:
    """Return the source of an extra file or folder, whose kind is told by its name or content."""
    if path.is_dir() and is_dataset_folder(path):
        return _file(path, "extra", read_dataset, labels)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return next(_ncbi_packages([path], "extra", None, labels))
    csv = partial(read_csv, columns=columns, label=labels[path], is_extra=True)
    return _file(path, "extra", csv if has_csv_name(path) else read_fasta, labels)


def _genome(fasta: Path, annotation: Path, label: str, config: GeneDatasetConfig) -> Source:
    def genes(dropped: Dropped) -> Iterator[SourceGene]:
        return read_genome(
            fasta,
            annotation,
            feature=config.feature,
            flank=config.flank,
            max_length=config.max_length or None,
            dropped=dropped,
        )

    files = [fasta, annotation]
    entry = {
        "file": f"{fasta} with {annotation}",
        "sha256": sha256_of(files),
        "bytes": sum(file.stat().st_size for file in files),
    }
    return Source(label, "input", genes, entry)


def _ncbi_download(config: GeneDatasetConfig) -> Iterator[Source]:
    taxon = str(config.taxon)
    download = download_gene_packages(
        taxon,
        config.cache_folder,
        assembly=config.assembly,
        min_length=config.min_length,
        max_length=config.max_length or None,
        server=NcbiServer(),
    )

    def genes(dropped: Dropped) -> Iterator[SourceGene]:
        for package in download.packages:
            yield from read_gene_package(package, assemblies=download.assemblies, dropped=dropped)

    entry = {
        "file": f"NCBI Datasets, genes of taxon {taxon}",
        "sha256": sha256_of(download.packages),
        "bytes": sum(package.stat().st_size for package in download.packages),
        "packages": len(download.packages),
        "genes_listed": download.genes_listed,
        "genes_asked_for": download.genes_asked_for,
        "catalog_sha256": download.catalog_sha256,
    }
    origin = NCBI_ORIGIN | {"assembly": ", ".join(download.assemblies.values()), "organism": download.organism}
    yield Source(f"ncbi:{taxon}", "input", genes, entry, origin, download.dropped)


def _ncbi_packages(paths: list[Path], part: str, assembly: str | None, labels: dict[Path, str]) -> Iterator[Source]:
    chosen = choose_assemblies(paths, assembly)
    for path in paths:
        genes = partial(_read_package, path, chosen)
        origin = NCBI_ORIGIN | {"assembly": ", ".join(sorted(chosen.values()))} if part != "extra" else {}
        yield Source(labels[path], part, genes, _entry(path), origin)


def _read_package(path: Path, assemblies: dict[str, str], dropped: Dropped) -> Iterator[SourceGene]:
    return read_gene_package(path, assemblies=assemblies, dropped=dropped)


def _entry(path: Path) -> dict[str, Any]:
    files = content_of(path)
    if not files:
        raise InputError(f"{path} is an empty folder; give one with genes.")
    return {"file": str(path), "sha256": sha256_of(files), "bytes": sum(file.stat().st_size for file in files)}
