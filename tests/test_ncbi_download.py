"""A download is complete and the same whatever goes wrong on the way, or ends in one sentence and can be taken up."""

import multiprocessing
import time
from pathlib import Path

import pytest
from ncbi_stand_in import NEW, OTHER, NcbiStandIn, random_genes, serving

from genelm.dataset_scripts.genes.dropped import Dropped
from genelm.dataset_scripts.sources import ncbi_server
from genelm.dataset_scripts.sources.ncbi_download import NcbiDownload, download_gene_packages
from genelm.dataset_scripts.sources.ncbi_package import read_gene_package
from genelm.dataset_scripts.sources.ncbi_server import NcbiServer
from genelm.storage import InputError, ServerError


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Pace is tested apart; elsewhere the tests do not wait for it."""
    monkeypatch.setattr(ncbi_server._Pace, "wait", lambda self: None)


def fetch(url: str, cache: Path, **options) -> NcbiDownload:
    server = NcbiServer(url, first_wait=0.001, timeout=5, attempts=options.pop("attempts", 12))
    return download_gene_packages(
        "9606", cache, server=server, **{"assembly": None, "min_length": 1, "max_length": None} | options
    )


def sequences(download: NcbiDownload) -> dict[str, tuple[str, str]]:
    dropped = Dropped()
    genes = [
        g for p in download.packages for g, _ in read_gene_package(p, assemblies=download.assemblies, dropped=dropped)
    ]
    assert [int(gene["gene_id"]) for gene in genes] == sorted(int(gene["gene_id"]) for gene in genes)
    assert not dropped
    return {gene["gene_id"]: (gene["sequence"], gene["assembly"] or "") for gene in genes}


def expected(stand_in: NcbiStandIn) -> dict[str, tuple[str, str]]:
    return {str(i): (gene.sequence, NEW) for i, gene in stand_in.genes.items()}


def test_every_gene_comes_once_from_the_first_named_assembly(tmp_path):
    with serving(NcbiStandIn(random_genes(2300))) as stand_in:
        download = fetch(stand_in.url, tmp_path)
        assert sequences(download) == expected(stand_in)
        assert stand_in.asked == {"reports": 3, "packages": 10}
        assert (download.genes_listed, download.genes_asked_for, download.organism) == (2300, 2300, "Homo sapiens")
        other = fetch(stand_in.url, tmp_path, assembly=OTHER.split(".")[0])
        assert sequences(other) == {str(i): (g.sequence[1:], OTHER) for i, g in stand_in.genes.items()}
        assert stand_in.asked == {"reports": 3, "packages": 10}  # both assemblies were in the packages at hand


def test_genes_of_other_lengths_are_counted_and_not_asked_for(tmp_path):
    with serving(NcbiStandIn(random_genes(500))) as stand_in:
        download = fetch(stand_in.url, tmp_path, min_length=30, max_length=40)
        wanted = {i: pair for i, pair in expected(stand_in).items() if 30 <= len(pair[0]) <= 40}
        assert sequences(download) == wanted
        assert download.dropped.total() == 500 - len(wanted) > 0
        assert set(download.dropped) == {"too_short", "too_long"}
        with pytest.raises(InputError, match="no gene of taxon 9606 between 5000 and any number of bases"):
            fetch(stand_in.url, tmp_path, min_length=5000)
        with pytest.raises(
            InputError, match=r"on the assembly GCF_7; they are on GCF_000001405\.40, GCF_009914755\.1"
        ):
            fetch(stand_in.url, tmp_path, assembly="GCF_7")


def _fetch_in_a_process(url: str, cache: Path) -> None:
    ncbi_server._Pace.wait = lambda self: None  # type: ignore[method-assign]
    fetch(url, cache, attempts=30)


def test_5000_genes_are_complete_whatever_fails_and_however_often_the_builder_is_killed(tmp_path):
    with serving(NcbiStandIn(random_genes(5000), fault_share=0.4, seed=1)) as stand_in:
        context = multiprocessing.get_context("spawn")
        for _ in range(3):
            builder = context.Process(target=_fetch_in_a_process, args=(stand_in.url, tmp_path / "a"))
            before = stand_in.asked.total()
            builder.start()
            deadline = time.monotonic() + 300
            while stand_in.asked.total() < before + 6 and builder.is_alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            builder.kill()
            builder.join()
        assert builder.exitcode == -9  # it was killed in the middle
        download = fetch(stand_in.url, tmp_path / "a", attempts=30)
        assert sequences(download) == expected(stand_in)
        assert len(stand_in.faults) == 6
        stand_in.fault_share = 0.0
        calm = fetch(stand_in.url, tmp_path / "b")
        assert calm.catalog_sha256 == download.catalog_sha256
        assert [path.name for path in calm.packages] == [path.name for path in download.packages]
        assert all(a.read_bytes() == b.read_bytes() for a, b in zip(calm.packages, download.packages, strict=True))


def test_a_batch_that_never_comes_is_named_and_the_others_are_kept(tmp_path):
    genes = random_genes(1000)
    with serving(NcbiStandIn(genes, never={sorted(genes)[300]})) as stand_in:
        with pytest.raises(ServerError) as error:
            fetch(stand_in.url, tmp_path, attempts=3)
        assert str(error.value).startswith("Batch 2 of 4 (genes 1753 to 3496) is missing: NCBI did not give ")
        assert "in 3 attempts, the last of which ended in: status 500" in str(error.value)
        asked = stand_in.asked["packages"]
        stand_in.never.clear()
        assert sequences(fetch(stand_in.url, tmp_path)) == expected(stand_in)
        assert stand_in.asked["packages"] == asked + 1


def test_a_gene_that_is_listed_but_not_delivered_is_counted(tmp_path):
    genes = random_genes(20)
    with serving(NcbiStandIn(genes, withdrawn={3, 10})) as stand_in:
        download = fetch(stand_in.url, tmp_path)
        assert download.dropped == {"not_delivered": 2}
        assert len(sequences(download)) == 18


def test_what_was_damaged_in_the_cache_is_fetched_again(tmp_path):
    with serving(NcbiStandIn(random_genes(600))) as stand_in:
        download = fetch(stand_in.url, tmp_path)
        download.packages[1].write_bytes(download.packages[1].read_bytes()[:-100])
        (page,) = (tmp_path / "9606" / "catalog").iterdir()
        page.write_text(page.read_text()[:-100])
        assert sequences(fetch(stand_in.url, tmp_path)) == expected(stand_in)
        assert stand_in.asked == {"reports": 2, "packages": 4}


def test_a_refusal_ends_at_once_in_the_words_of_the_server(tmp_path):
    with serving(NcbiStandIn(random_genes(10))) as stand_in:
        server = NcbiServer(stand_in.url)
        with pytest.raises(ServerError, match=r"NCBI refused page 1 .* status 400: .*unknown taxon"):
            download_gene_packages("1", tmp_path, assembly=None, min_length=1, max_length=None, server=server)
        assert stand_in.asked == {"reports": 1}


def test_a_server_that_is_not_there_is_one_sentence_and_waiting_for_it_is_said(tmp_path, caplog):
    message = (
        r"NCBI did not give page 1 of the genes of taxon 9606 in 3 attempts, the last of which ended in: "
        r"Failed to establish a new connection: [^<>]*Connection refused\. What"
    )
    with pytest.raises(ServerError, match=message):
        fetch("http://127.0.0.1:9", tmp_path, attempts=3)
    said = [line for line in caplog.messages if line.startswith("NCBI has not")]
    assert len(said) == 1
    assert said[0].startswith("NCBI has not given page 1 of the genes of taxon 9606 (Failed to establish")
    assert said[0].endswith("attempt 3 of 3 in 0 seconds.")


@pytest.mark.parametrize(("key", "per_second"), [(None, 3), ("secret", 10)])
def test_requests_keep_the_pace_of_ncbi(tmp_path, monkeypatch, key, per_second):
    monkeypatch.undo()
    with serving(NcbiStandIn(random_genes(2000))) as stand_in:
        download_gene_packages(
            "9606",
            tmp_path,
            assembly=None,
            min_length=1,
            max_length=None,
            server=NcbiServer(stand_in.url, api_key=key, at_once=8),
        )
        times = sorted(stand_in.times)
        assert stand_in.keys == {key}
    assert len(times) == 10
    # Requests leave at even intervals; the first may have been slow on its way.
    assert times[-1] - times[0] >= (len(times) - 1) / per_second - 0.3
