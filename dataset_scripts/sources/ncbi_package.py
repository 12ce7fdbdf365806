"""Genes from the packages of NCBI Datasets, zipped or unpacked, none of which is believed before it is checked."""

import hashlib
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import dnaio

from genelm.storage import InputError

from ..genes import Dropped, SourceGene, new_gene
from .ncbi_report import GeneReport, Location, choose_assembly_of_organisms

DATA = "ncbi_dataset/data/"
SEQUENCES, REPORTS, CATALOG, CHECKSUMS = (
    DATA + "gene.fna",
    DATA + "data_report.jsonl",
    DATA + "dataset_catalog.json",
    "md5sum.txt",
)

LARGEST_RATIO = 200
"""Unpacked to packed size beyond which a zip is taken for a bomb; DNA packs to a quarter, reports to a twentieth."""

ALWAYS_UNPACKED = 1 << 26
"""Bytes that a zip may hold whatever their ratio."""

_HEADER = re.compile(r"(?P<accession>\S+?):(?P<complement>c?)(?P<first>\d+)-(?P<last>\d+)\s.*\[GeneID=(?P<gene>\d+)\]")


class PackageError(InputError):
    """A package is damaged, or is not what its own catalog and checksums say."""


def check_gene_package(path: Path) -> None:
    """Read a whole package once and compare it with its own account of itself.

    Args:
        path: a zip of NCBI Datasets, or the folder it was unpacked to.

    Raises:
        PackageError: the package is no zip, cut off, or damaged; it names a path outside itself or unpacks to far too
            much; a file that it needs is missing, or has another length than `dataset_catalog.json` or another MD5
            than `md5sum.txt` says.
    """
    with _open_package(path) as package:
        names = package.names()
        for name in (SEQUENCES, REPORTS):
            if name not in names:
                raise PackageError(
                    f"{path} has no {name}; give a gene package of NCBI Datasets, or download it again."
                )
        sizes, digests = {}, {}
        for name in names:
            sizes[name], digests[name] = _read_through(package, name)
        if not sizes[SEQUENCES]:
            raise PackageError(f"{path} is an empty package: its gene.fna has no genes; ask NCBI for other ones.")
        if CATALOG in names:
            try:
                catalog = json.loads(package.read(CATALOG))
            except ValueError as error:
                raise PackageError(f"{path} has a damaged {CATALOG} ({error}); download it again.") from error
            _check_sizes(path, catalog, sizes)
        if CHECKSUMS in names:
            _check_digests(path, package.read(CHECKSUMS).decode(), digests)


def read_reports(path: Path) -> Iterator[GeneReport]:
    """Read the data reports of a package, in its order.

    Args:
        path: a zip of NCBI Datasets, or the folder it was unpacked to.

    Yields:
        One report a gene.

    Raises:
        PackageError: the package cannot be read, or a report lacks what every report has.
    """
    with _open_package(path) as package, package.open(REPORTS) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield GeneReport.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise PackageError(
                    f"{path}, {REPORTS}, line {number} is not the report of a gene ({error!r}); download it again."
                ) from error


def choose_assemblies(paths: list[Path], wanted: str | None) -> dict[str, str]:
    """Return for each organism the assembly that is read from some packages.

    Args:
        paths: zips of NCBI Datasets, or folders they were unpacked to.
        wanted: an assembly for all organisms; None is for each the one that most of its genes name first.

    Returns:
        Taxon id of the organism -> assembly, without version unless `wanted` has one.

    Raises:
        InputError: a package cannot be read, or no gene is on the wanted assembly, or on any.
    """
    return choose_assembly_of_organisms((report for path in paths for report in read_reports(path)), wanted)


def read_gene_package(path: Path, *, assemblies: dict[str, str], dropped: Dropped) -> Iterator[SourceGene]:
    """Read the genes of a package, one record each, on the chosen assembly, in the order of `gene.fna`.

    Args:
        path: a zip of NCBI Datasets, or the folder it was unpacked to.
        assemblies: taxon id of the organism -> assembly, as `choose_assemblies` returns it.
        dropped: where genes that are not on the assembly are counted, under `not_on_assembly`.

    Yields:
        Genes on their sense strand, as NCBI's records are.

    Raises:
        PackageError: the package does not pass `check_gene_package`, or its records and reports do not fit together.
    """
    check_gene_package(path)
    reports: dict[str, GeneReport] = {}
    wanted: dict[tuple[str, Location], str] = {}
    for report in read_reports(path):
        reports[report.gene_id] = report
        chosen = report.on_assembly(assemblies[report.tax_id]) if report.tax_id in assemblies else None
        if chosen is None:
            dropped.drop("not_on_assembly", report.gene_id)
        else:
            assembly, location = chosen
            wanted[report.gene_id, location] = assembly
    for place, header, sequence in _records(path):
        gene_id, location = _location_of(place, header, len(sequence), reports)
        assembly_of_record = wanted.pop((gene_id, location), None)
        if assembly_of_record is not None:
            yield SourceGene(_gene(reports[gene_id], assembly_of_record, location, sequence), place)
    if wanted:
        (gene_id, location), assembly = next(iter(wanted.items()))
        raise PackageError(
            f"{path}: gene {gene_id} lies on {location.accession}:{location.start}-{location.end} of {assembly}, says "
            f"its report, but gene.fna has no such record; download it again."
        )


def _gene(report: GeneReport, assembly: str, location: Location, sequence: str) -> Any:
    return new_gene(
        report.gene_id,
        sequence,
        symbol=report.symbol,
        description=report.description,
        gene_type=report.gene_type,
        gene_group=report.gene_group,
        assembly=assembly,
        chromosome=location.chromosome,
        start=location.start,
        end=location.end,
        strand=location.strand,
    )


def _records(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield file and number, header and sequence of each record of gene.fna."""
    with _open_package(path) as package, package.open(SEQUENCES) as file:
        try:
            for number, record in enumerate(dnaio.FastaReader(file), start=1):  # type: ignore[arg-type]
                yield f"{path}, record {number} of gene.fna", record.name, record.sequence
        except dnaio.FileFormatError as error:
            raise PackageError(f"{path}: gene.fna is not FASTA ({error}); download it again.") from error


def _location_of(place: str, header: str, length: int, reports: dict[str, GeneReport]) -> tuple[str, Location]:
    """Return the gene and the location in the header of a record, the latter as the gene's report has it."""
    parts = _HEADER.match(header)
    if parts is None:
        raise PackageError(f"{place} has the header {header[:80]!r}, without a place and a GeneID; download it again.")
    gene_id, first, last = parts["gene"], int(parts["first"]), int(parts["last"])
    start, end, strand = (last, first, "-") if parts["complement"] else (first, last, "+")
    if end - start + 1 != length:
        raise PackageError(f"{place}: gene {gene_id} has {length} bases, but {end - start + 1} by its header.")
    if gene_id not in reports:
        raise PackageError(f"{place}: gene {gene_id} has no report in data_report.jsonl; download the package again.")
    for locations in reports[gene_id].locations.values():
        for location in locations:
            if (location.accession, location.start, location.end, location.strand) == (
                parts["accession"],
                start,
                end,
                strand,
            ):
                return gene_id, location
    raise PackageError(
        f"{place}: gene {gene_id} at {parts['accession']}:{start}-{end} ({strand}) is at none of the places of its "
        "report; download the package again."
    )


class _Package:
    """A zip or a folder, by the names of its files."""

    def __init__(self, path: Path, archive: zipfile.ZipFile | None) -> None:
        self._path, self._archive = path, archive

    def names(self) -> list[str]:
        if self._archive is not None:
            return [info.filename for info in self._archive.infolist() if not info.is_dir()]
        files = (file.relative_to(self._path).as_posix() for file in self._path.rglob("*") if file.is_file())
        return sorted(files)

    def open(self, name: str) -> IO[bytes]:
        try:
            return open(self._path / name, "rb") if self._archive is None else self._archive.open(name)
        except (FileNotFoundError, KeyError) as error:
            raise PackageError(f"{self._path} has no {name}; give a gene package of NCBI Datasets.") from error

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()


@contextmanager
def _open_package(path: Path) -> Iterator[_Package]:
    if path.is_dir():
        yield _Package(path, None)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive)
            yield _Package(path, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"{path} is no whole zip ({error}); download it again.") from error


def _check_entries(path: Path, archive: zipfile.ZipFile) -> None:
    names = set()
    for info in archive.infolist():
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename:
            raise PackageError(f"{path} holds {info.filename!r}, a path outside of it; do not use this file.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise PackageError(f"{path} holds {info.filename!r}, a link; do not use this file.")
        if name in names:
            raise PackageError(f"{path} holds {info.filename!r} twice; do not use this file.")
        names.add(name)
    # zipfile reads no more of a file than its entry says, so what the entries say can be relied on.
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > max(ALWAYS_UNPACKED, LARGEST_RATIO * path.stat().st_size):
        raise PackageError(
            f"{path} unpacks to {unpacked:,} bytes from {path.stat().st_size:,}, more than {LARGEST_RATIO} times as "
            "much; it is no package of genes."
        )


def _read_through(package: _Package, name: str) -> tuple[int, str]:
    """Return length and MD5 of a file, which is read to its end, where a zip checks its CRC."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with package.open(name) as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _check_sizes(path: Path, catalog: dict[str, Any], sizes: dict[str, int]) -> None:
    for file in catalog.get("genes", {}).get("files", []):
        name, said = DATA + file["filePath"], file.get("uncompressedLengthBytes")
        if name not in sizes:
            raise PackageError(f"{path} has no {name}, though its catalog lists it; download it again.")
        if said is not None and int(said) != sizes[name]:
            raise PackageError(
                f"{path}: {name} has {sizes[name]:,} bytes, but {int(said):,} by the catalog; download it again."
            )


def _check_digests(path: Path, listed: str, digests: dict[str, str]) -> None:
    for line in listed.splitlines():
        said, _, name = line.partition("  ")
        if digests.get(name) != said:
            raise PackageError(f"{path}: {name} does not have the MD5 that md5sum.txt gives; download it again.")
