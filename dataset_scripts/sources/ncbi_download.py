"""Gene packages from NCBI Datasets: list the genes, ask for those of the wanted lengths, keep what has arrived.

Source: NCBI Datasets, REST interface, version 2 (https://www.ncbi.nlm.nih.gov/datasets/docs/v2/api/rest-api/).
"""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from genelm.storage import InputError, ServerError, atomic_file, progress_bar, sha256_of

from ..genes import Dropped
from .ncbi_package import PackageError, check_gene_package, read_reports
from .ncbi_report import GeneReport, choose_assembly_of_organisms
from .ncbi_server import NcbiServer, Refused

PAGE_GENES = 1000
"""Reports of one page, NCBI's largest."""

BATCH_GENES, BATCH_BASES = 250, 10_000_000
"""A package ends at whichever comes first, so that a request is answered in seconds and little is lost with one."""


@dataclass
class NcbiDownload:
    """The genes that were listed and fetched.

    Args:
        packages: checked zips, in ascending order of their genes' GeneIDs.
        assemblies: taxon id of the organism -> assembly.
        organism: scientific name.
        genes_listed: genes that NCBI has of the taxon.
        genes_asked_for: genes of the wanted lengths on the assembly.
        catalog_sha256: SHA-256 of the reports that the choice was made from.
        dropped: genes that were not asked for, or not delivered.
    """

    packages: list[Path]
    assemblies: dict[str, str]
    organism: str | None
    genes_listed: int
    genes_asked_for: int
    catalog_sha256: str
    dropped: Dropped


def download_gene_packages(
    taxon: str,
    cache: Path,
    *,
    assembly: str | None,
    min_length: int,
    max_length: int | None,
    server: NcbiServer,
) -> NcbiDownload:
    """Fetch the genes of a taxon, or go on with a download that was broken off, or find them in the cache.

    Every page and package is kept once it has been checked. A catalog in the cache is a snapshot: from the same cache
    the same genes come, whatever NCBI has changed; another folder starts anew.

    Args:
        taxon: id of the organism in NCBI's taxonomy.
        cache: folder for pages and packages.
        assembly: such as `GCF_000001405`; None is the one that most genes name first.
        min_length: shorter genes are counted as `too_short` and not asked for.
        max_length: longer genes are counted as `too_long` and not asked for; None is no limit.
        server: where to ask.

    Returns:
        The packages, and what is known of them.

    Raises:
        ServerError: a request failed for good. It names the batch, and all other batches are in the cache.
    """
    folder = cache / taxon
    reports = _list_genes(taxon, folder, server)
    assemblies = choose_assembly_of_organisms(reports, assembly)
    dropped = Dropped()
    lengths: dict[int, int] = {}
    for report in reports:
        chosen = report.on_assembly(assemblies[report.tax_id]) if report.tax_id in assemblies else None
        if chosen is None:
            dropped.drop("not_on_assembly", report.gene_id)
        elif chosen[1].length < min_length:
            dropped.drop("too_short", report.gene_id)
        elif max_length is not None and chosen[1].length > max_length:
            dropped.drop("too_long", report.gene_id)
        else:
            lengths[int(report.gene_id)] = chosen[1].length
    if not lengths:
        raise InputError(
            f"NCBI has no gene of taxon {taxon} between {min_length} and {max_length or 'any number of'} bases on "
            f"{', '.join(assemblies.values())}; give other limits or another assembly."
        )
    packages, not_delivered = _fetch_batches(list(_batches(lengths)), folder / "packages", server)
    for gene in not_delivered:
        dropped.drop("not_delivered", str(gene))
    return NcbiDownload(
        packages=packages,
        assemblies=assemblies,
        organism=next((report.organism for report in reports if report.organism), None),
        genes_listed=len(reports),
        genes_asked_for=len(lengths),
        catalog_sha256=sha256_of(sorted(_pages_folder(folder).glob("[0-9]*.json"))),
        dropped=dropped,
    )


def _list_genes(taxon: str, folder: Path, server: NcbiServer) -> list[GeneReport]:
    """Return the reports of all genes of a taxon, page by page from the cache and then from the server."""
    pages = _pages_folder(folder)
    try:
        return _read_pages(taxon, pages, server)
    except Refused:
        if not any(pages.glob("*.json")):
            raise
        # A listing broken off long ago: the server no longer knows how to go on with it.
        for page in pages.glob("*.json"):
            page.unlink()
        return _read_pages(taxon, pages, server)


def _read_pages(taxon: str, pages: Path, server: NcbiServer) -> list[GeneReport]:
    genes: dict[str, GeneReport] = {}
    token: str | None = None
    total = 0
    with progress_bar(desc=f"listing the genes of taxon {taxon}", unit=" genes", delay=2) as bar:
        for number in range(1_000_000):
            page = _page(pages / f"{number:05d}.json", taxon, token, number, server)
            total = page["total_count"]
            reports = (GeneReport.from_json(gene) for gene in page["genes"])
            genes |= {report.gene_id: report for report in reports}
            bar.total = total
            bar.update(len(genes) - bar.n)
            token = page["next_page_token"]
            if not token:
                break
    if len(genes) != total or not genes:
        for file in pages.glob("*.json"):
            file.unlink()
        raise InputError(
            f"NCBI lists {total:,} genes of taxon {taxon}, but its pages hold {len(genes):,} different ones; check "
            "the number of the taxon, or try again."
        )
    return [genes[gene_id] for gene_id in sorted(genes, key=int)]


def _page(path: Path, taxon: str, token: str | None, number: int, server: NcbiServer) -> dict[str, Any]:
    if path.is_file():
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:  # damaged: fetched again
            path.unlink()
    body = {"taxon": taxon, "returned_content": "COMPLETE", "page_size": PAGE_GENES}
    if token:
        body["page_token"] = token

    def use(answer: requests.Response) -> dict[str, Any]:
        content = answer.json()
        genes = [_needed(report.get("gene", {})) for report in content.get("reports", [])]
        return {
            "genes": genes,
            "total_count": int(content.get("total_count", 0)),
            "next_page_token": content.get("next_page_token"),
        }

    page = server.post("/gene/dataset_report", body, use, f"page {number + 1} of the genes of taxon {taxon}")
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(page), encoding="utf-8")
    return page


def _needed(gene: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a report that is used; whole ones would fill the cache with ontologies and transcripts."""
    try:
        GeneReport.from_json(gene)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"a gene's report lacks {error!r}") from error
    return {name: gene[name] for name in ("gene_id", "tax_id", "taxname", "annotations") if name in gene}


def _batches(lengths: dict[int, int]) -> Iterator[list[int]]:
    """Yield batches of genes, in the order of their GeneIDs."""
    batch: list[int] = []
    bases = 0
    for gene_id in sorted(lengths):
        if batch and (len(batch) == BATCH_GENES or bases + lengths[gene_id] > BATCH_BASES):
            yield batch
            batch, bases = [], 0
        batch.append(gene_id)
        bases += lengths[gene_id]
    yield batch


def _fetch_batches(batches: list[list[int]], folder: Path, server: NcbiServer) -> tuple[list[Path], list[int]]:
    """Fetch all packages that the cache lacks, several at once; one that fails does not keep the others back.

    Returns:
        The packages, and the GeneIDs that they lack.
    """
    failed: dict[int, ServerError] = {}
    missing: dict[int, list[int]] = {}
    pool = ThreadPoolExecutor(server.at_once)
    try:
        with progress_bar(total=sum(map(len, batches)), desc="downloading", unit=" genes", delay=2) as bar:
            waiting = {pool.submit(_fetch_batch, batch, folder, server): i for i, batch in enumerate(batches)}
            for done in as_completed(waiting):
                number = waiting[done]
                try:
                    missing[number] = done.result()
                except ServerError as error:
                    failed[number] = error
                bar.update(len(batches[number]))
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        number = min(failed)
        raise ServerError(
            f"Batch {number + 1} of {len(batches)} (genes {batches[number][0]} to {batches[number][-1]}) is missing"
            f"{f', and so are {len(failed) - 1} more' if len(failed) > 1 else ''}: {failed[number]}"
        )
    packages = [_package_file(folder, batch) for batch in batches]
    return packages, [gene for number in sorted(missing) for gene in missing[number]]


def _fetch_batch(batch: list[int], folder: Path, server: NcbiServer) -> list[int]:
    """Fetch the package of a batch unless it is whole in the cache, and return those of its genes that it lacks."""
    path = _package_file(folder, batch)
    if path.is_file():
        try:
            check_gene_package(path)
            return _missing(path, batch)
        except PackageError:  # damaged since: fetched again
            path.unlink()
    body = {"gene_ids": batch, "include_annotation_type": ["FASTA_GENE"]}

    def use(answer: requests.Response) -> None:
        with atomic_file(path) as temporary:
            with open(temporary, "wb") as file:
                for block in answer.iter_content(1 << 16):
                    file.write(block)
            check_gene_package(temporary)

    server.post("/gene/download", body, use, f"genes {batch[0]} to {batch[-1]}")
    return _missing(path, batch)


def _missing(path: Path, batch: list[int]) -> list[int]:
    delivered = {int(report.gene_id) for report in read_reports(path)}
    return [gene for gene in batch if gene not in delivered]


def _package_file(folder: Path, batch: list[int]) -> Path:
    """Return the file of a package, which is named after the genes that were asked for."""
    return folder / f"{hashlib.sha256(json.dumps(batch).encode()).hexdigest()[:24]}.zip"


def _pages_folder(folder: Path) -> Path:
    return folder / "catalog"
