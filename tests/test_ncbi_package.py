"""Packages of NCBI Datasets: one record a gene, of one assembly, from a package that is what it says it is."""

import io
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
from ncbi_stand_in import NEW, OTHER, StandInGene, package

from genelm.dataset_scripts.genes.dropped import Dropped
from genelm.dataset_scripts.genes.gene_schema import Gene
from genelm.dataset_scripts.sources import ncbi_package
from genelm.dataset_scripts.sources.ncbi_package import choose_assemblies, read_gene_package
from genelm.dataset_scripts.sources.ncbi_report import GeneReport
from genelm.storage import InputError

GENES = [StandInGene(5, "ACGT" * 30), StandInGene(8, "TTGACA" * 20, "-", 77)]


def genes_of(path: Path, assembly: str | None = None) -> tuple[list[Gene], Dropped]:
    dropped = Dropped()
    chosen = choose_assemblies([path], assembly)
    return [gene for gene, _ in read_gene_package(path, assemblies=chosen, dropped=dropped)], dropped


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "package.zip"
    path.write_bytes(content)
    return path


def changed(content: bytes, **files: bytes | None) -> bytes:
    """Return a package with files replaced, added, or, for None, missing; `__` in a name stands for a folder."""
    new = {name.replace("__", "/"): text for name, text in files.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            short = name.rsplit("/", 1)[-1].split(".")[0]
            if short not in new:
                archive.writestr(name, old.read(name))
            elif (text := new[short]) is not None:
                archive.writestr(name, text)
    return out.getvalue()


def test_one_record_a_gene_of_the_wanted_assembly(tmp_path):
    path = written(tmp_path, package(GENES))
    (plus, minus), dropped = genes_of(path)
    assert plus["sequence"] == GENES[0].sequence
    assert (plus["gene_id"], plus["symbol"], plus["description"], plus["gene_type"]) == ("5", "G5", "gene 5", "PSEUDO")
    assert (plus["assembly"], plus["chromosome"], plus["strand"]) == (NEW, "2", "+")
    assert (plus["start"], plus["end"], plus["gene_group"]) == (1001, 1120, "85290")
    assert (minus["sequence"], minus["strand"], minus["start"], minus["end"]) == (GENES[1].sequence, "-", 77, 196)
    assert not dropped
    assert [gene["sequence"] for gene in genes_of(path, OTHER)[0]] == [gene.sequence[1:] for gene in GENES]
    with pytest.raises(InputError, match=r"on the assembly GCF_000001405\.39; they are on GCF_000001405\.40, "):
        genes_of(path, "GCF_000001405.39")


def report(gene_id: int, *annotations: tuple[str, str], tax: str = "9606") -> GeneReport:
    place = {"genomicRange": {"begin": "1", "end": "9", "orientation": "plus"}}
    return GeneReport.from_json(
        {
            "geneId": str(gene_id),
            "taxId": tax,
            "annotations": [
                {"assemblyAccession": name, "genomicLocations": [place | {"genomicAccessionVersion": accession}]}
                for name, accession in annotations
            ],
        }
    )


def test_the_assembly_most_genes_name_first_is_read_in_its_newest_version_and_on_whole_chromosomes():
    reports = [
        report(1, ("GCF_1.9", "NC_1"), ("GCF_1.10", "NT_1"), ("GCF_1.10", "NC_2"), ("GCF_2.1", "NC_3")),
        report(2, ("GCF_1.10", "NC_1")),
        report(3, ("GCF_2.1", "NC_1")),
        report(4, ("GCF_7.1", "NC_1"), tax="10090"),
    ]
    chosen = ncbi_package.choose_assembly_of_organisms(reports, None)
    assert chosen == {"9606": "GCF_1", "10090": "GCF_7"}
    assembly, location = reports[0].on_assembly("GCF_1") or ("", None)
    assert (assembly, location and location.accession) == ("GCF_1.10", "NC_2")
    assert reports[2].on_assembly("GCF_1") is None
    old = reports[0].on_assembly("GCF_1.9")
    assert old is not None
    assert old[0] == "GCF_1.9"


def test_a_gene_that_is_not_on_the_assembly_is_counted(tmp_path):
    only_other = StandInGene(9, "ACGTACGTAC")
    only_other.report = lambda: {
        **GENES[0].report(),
        "gene_id": "9",
        "annotations": GENES[0].report()["annotations"][1:],
    }
    only_other.fasta = lambda: ""
    genes, dropped = genes_of(written(tmp_path, package([*GENES, only_other])))
    assert [gene["gene_id"] for gene in genes] == ["5", "8"]
    assert dropped == {"not_on_assembly": 1}


def test_an_unpacked_package_is_read_as_well(tmp_path):
    path = written(tmp_path, package(GENES))
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    assert genes_of(folder) == genes_of(path)
    shutil.rmtree(folder / "ncbi_dataset")
    with pytest.raises(InputError, match=r"unpacked has no ncbi_dataset/data/data_report\.jsonl"):
        genes_of(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no zip", "package.zip is no whole zip"),
        (package(GENES)[:-30], "package.zip is no whole zip"),
        (package(GENES, wrong_md5=True), "gene.fna does not have the MD5 that md5sum.txt gives"),
        (changed(package(GENES), gene=None), "has no ncbi_dataset/data/gene.fna"),
        (changed(package(GENES), gene=b"", md5sum=None), "is an empty package"),
        (changed(package(GENES), gene=b">x\nACGT\n", md5sum=None), "gene.fna has 8 bytes, but .* by the catalog"),
        (
            changed(package(GENES), gene=b">x\nACGT\n", md5sum=None, dataset_catalog=None),
            "record 1 of gene.fna has the header 'x', without a place",
        ),
        (
            changed(package(GENES), gene=package_fasta.encode(), md5sum=None, dataset_catalog=None)
            if (package_fasta := GENES[0].fasta().replace("ACGT\n", "ACG\n"))
            else b"",
            "gene 5 has 119 bases, but 120 by its header",
        ),
        (
            changed(package(GENES), gene=GENES[0].fasta().encode(), md5sum=None, dataset_catalog=None),
            "gene 8 lies on NC_000002.12:77-196 .* but gene.fna has no such record",
        ),
        (changed(package(GENES), data_report=b'{"geneId": 1}\n'), "line 1 is not the report of a gene"),
    ],
)
def test_a_package_that_cannot_be_trusted_is_one_sentence(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        genes_of(written(tmp_path, content))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:evil", "a\\evil"])
def test_a_path_outside_the_package_is_refused(tmp_path, name):
    out = io.BytesIO(package(GENES))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"")
    with pytest.raises(InputError, match="a path outside of it"):
        genes_of(written(tmp_path, out.getvalue()))


def test_a_link_in_a_package_is_refused(tmp_path):
    out = io.BytesIO(package(GENES))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    with pytest.raises(InputError, match="'link', a link"):
        genes_of(written(tmp_path, out.getvalue()))


def test_a_zip_that_unpacks_to_far_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(ncbi_package, "ALWAYS_UNPACKED", 1000)
    bomb = changed(package(GENES), gene=b">" + b"A" * 5_000_000, md5sum=None)
    with pytest.raises(InputError, match="more than 200 times as much; it is no package of genes"):
        genes_of(written(tmp_path, bomb))


def fasta_record(path: Path, accession: str) -> str:
    with zipfile.ZipFile(path) as archive:
        records = archive.read("ncbi_dataset/data/gene.fna").decode().split(">")[1:]
    (record,) = [record for record in records if record.startswith(accession)]
    return "".join(record.splitlines()[1:])


@pytest.mark.parametrize(
    ("name", "accession", "place", "gene_type"),
    [
        ("BCL11A", "NC_000002.12", ("2", 60450520, 60553924, "-", "GCF_000001405.40"), "PROTEIN_CODING"),
        ("FRA10B", "NC_000010.11", ("10", 111241825, 111242928, "+", "GCF_000001405.40"), "BIOLOGICAL_REGION"),
        ("FGF4", "NC_037356.1", ("29", 47001981, 47003919, "-", "GCF_002263795.3"), "PROTEIN_CODING"),
        ("Cnp", "NC_000077.7", ("11", 100465765, 100472565, "+", "GCF_000001635.27"), "PROTEIN_CODING"),
    ],
)
def test_real_packages_give_the_record_of_the_reference_assembly(real_data, name, accession, place, gene_type):
    path = real_data / "ncbi_packages" / f"{name}_datasets.zip"
    (gene,), dropped = genes_of(path)
    assert gene["sequence"] == fasta_record(path, accession)
    assert (gene["chromosome"], gene["start"], gene["end"], gene["strand"], gene["assembly"]) == place
    assert (gene["symbol"], gene["gene_type"]) == (name, gene_type)
    assert not dropped


def test_packages_of_several_organisms_are_read_each_from_its_own_assembly(real_data):
    paths = sorted((real_data / "ncbi_packages").glob("*.zip"))
    assert choose_assemblies(paths, None) == {
        "9606": "GCF_000001405",
        "9913": "GCF_002263795",
        "10090": "GCF_000001635",
    }
