"""What NCBI says of a gene: the fields of its data reports that we use, and which of its assemblies is read."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from genelm.storage import InputError


class Location(NamedTuple):
    """A location of a gene on a sequence of an assembly; `start` and `end` are 1-based and inclusive."""

    accession: str
    start: int
    end: int
    strand: str
    chromosome: str | None

    @property
    def length(self) -> int:
        """Bases from start to end."""
        return self.end - self.start + 1


@dataclass(frozen=True)
class GeneReport:
    """The data report of a gene.

    Args:
        gene_id: NCBI's GeneID.
        symbol: short name.
        description: full name.
        gene_type: in NCBI's words.
        gene_group: the first group of related genes.
        tax_id: taxon id of the organism.
        organism: scientific name of the organism.
        locations: assembly with version -> locations of the gene on it, both in the order of the report.
    """

    gene_id: str
    symbol: str | None
    description: str | None
    gene_type: str | None
    gene_group: str | None
    tax_id: str
    organism: str | None
    locations: Mapping[str, tuple[Location, ...]]

    @classmethod
    def from_json(cls, report: Mapping[str, Any]) -> "GeneReport":
        """Return the report of a JSON object, as packages have it (`geneId`) or the REST interface (`gene_id`).

        Raises:
            KeyError, TypeError or ValueError: something that every report has is missing or of another kind.
        """
        report = {_snake(name): value for name, value in report.items()}
        locations: defaultdict[str, list[Location]] = defaultdict(list)
        for annotation in report.get("annotations", []):
            annotation = {_snake(name): value for name, value in annotation.items()}
            for location in annotation.get("genomic_locations", []):
                locations[annotation["assembly_accession"]].append(_location(location))
        groups = report.get("gene_groups") or [{}]
        return cls(
            gene_id=str(int(report["gene_id"])),
            symbol=report.get("symbol"),
            description=report.get("description"),
            gene_type=report.get("type"),
            gene_group=groups[0].get("id"),
            tax_id=str(report["tax_id"]),
            organism=report.get("taxname"),
            locations={assembly: tuple(found) for assembly, found in locations.items()},
        )

    def on_assembly(self, wanted: str) -> tuple[str, Location] | None:
        """Return the assembly with its version, and the location on it at which the gene is read.

        Args:
            wanted: such as `GCF_000001405`, of which the newest version is taken, or with a version.

        Returns:
            None where the gene is not on the assembly. Of several locations one on a whole chromosome (`NC_`) comes
            first, then the first in the report.
        """
        versions = [name for name in self.locations if wanted in (name, _unversioned(name))]
        if not versions:
            return None
        assembly = max(versions, key=_version)
        return assembly, min(self.locations[assembly], key=lambda found: not found.accession.startswith("NC_"))


def choose_assembly_of_organisms(reports: Iterable[GeneReport], wanted: str | None) -> dict[str, str]:
    """Return for each organism the assembly that is read.

    Args:
        reports: the reports of all genes.
        wanted: an assembly for all, or None: the one that most genes name first, since NCBI names the reference
            assembly first; of equals the one first in the alphabet.

    Returns:
        Taxon id of the organism -> assembly, without version unless `wanted` has one.

    Raises:
        InputError: no gene is on the wanted assembly, or on any.
    """
    named_first: defaultdict[str, Counter[str]] = defaultdict(Counter)
    known: set[str] = set()
    for report in reports:
        known.update(report.locations)
        for assembly in list(report.locations)[:1]:
            named_first[report.tax_id][_unversioned(assembly)] += 1
    if not known:
        raise InputError("None of the genes from NCBI has a place on an assembly; choose other genes.")
    if wanted is not None:
        if not any(wanted in (name, _unversioned(name)) for name in known):
            raise InputError(
                f"None of the genes from NCBI is on the assembly {wanted}; they are on {', '.join(sorted(known))}."
            )
        return dict.fromkeys(named_first, wanted)
    return {tax: min(counts, key=lambda name: (-counts[name], name)) for tax, counts in sorted(named_first.items())}


def _location(content: Mapping[str, Any]) -> Location:
    content = {_snake(name): value for name, value in content.items()}
    span = content["genomic_range"]
    return Location(
        accession=content["genomic_accession_version"],
        start=int(span["begin"]),
        end=int(span["end"]),
        strand="-" if span.get("orientation") == "minus" else "+",
        chromosome=content.get("sequence_name"),
    )


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", name)


def _unversioned(assembly: str) -> str:
    return assembly.split(".")[0]


def _version(assembly: str) -> int:
    _, _, version = assembly.partition(".")
    return int(version) if version.isdigit() else 0
