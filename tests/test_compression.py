"""Compressed files are told by their content, wherever files are read."""

import gzip
from collections import Counter
from pathlib import Path

import pysam
import pytest

from genelm.dataset_scripts import GeneDatasetConfig, build_dataset, load_split, read_fasta
from genelm.eval.variants.variant_files import read_variants
from genelm.storage import InputError, open_bytes, open_text

TEXT = "\ufeffgene_id,sequence\n" + "".join(f"g{i},{'ACGT' * (i + 1)}\n" for i in range(30))


def _plain(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _gzip(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


def _members(path: Path, text: str) -> None:
    """Two files of gzip one after the other, as `cat` makes them."""
    half = len(text) // 2
    path.write_bytes(gzip.compress(text[:half].encode()) + gzip.compress(text[half:].encode()))


def _bgzip(path: Path, text: str) -> None:
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(text.encode())


EVERY_WAY = pytest.mark.parametrize("write", [_plain, _gzip, _members, _bgzip])
EVERY_NAME = pytest.mark.parametrize("ending", ["", ".gz", ".bgz", ".txt"])


@EVERY_WAY
@EVERY_NAME
def test_text_is_read_whatever_its_name_says(tmp_path: Path, write, ending: str) -> None:
    path = tmp_path / f"genes{ending}"
    write(path, TEXT)
    with open_text(path) as file:
        assert file.read() == TEXT.removeprefix("\ufeff")
    with open_bytes(path) as raw:
        assert raw.read() == TEXT.encode()


@EVERY_WAY
def test_every_reader_of_the_project_takes_every_way(tmp_path: Path, write) -> None:
    write(tmp_path / "genes.csv", TEXT)
    (tmp_path / "d").mkdir()
    config = GeneDatasetConfig(source="csv", input=[tmp_path / "genes.csv"], cluster_with="none")
    manifest = build_dataset(config, tmp_path / "d", command="a test")
    assert sum(len(load_split(tmp_path / "d", split)) for split in manifest.splits) == 30
    write(tmp_path / "genes.fa", ">a\nACGT\n>b\nGG\n")
    assert [gene["sequence"] for gene, _ in read_fasta(tmp_path / "genes.fa")] == ["ACGT", "GG"]
    write(tmp_path / "variants.tsv", "position\tref\talt\n1\tA\tC\n")
    (variant,) = read_variants(tmp_path / "variants.tsv", columns={}, zero_based=False, dropped=Counter())
    assert (variant.position, variant.ref, variant.alt) == (1, "A", "C")


@pytest.mark.parametrize("kept", [3, 30, -8])
def test_what_is_cut_off_is_named(tmp_path: Path, kept: int) -> None:
    _gzip(tmp_path / "genes.csv", TEXT)
    (tmp_path / "genes.csv").write_bytes((tmp_path / "genes.csv").read_bytes()[:kept])
    with pytest.raises(InputError, match=r"genes\.csv is cut off"), open_text(tmp_path / "genes.csv") as file:
        file.read()


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    _gzip(tmp_path / "genes.csv", TEXT)
    content = bytearray((tmp_path / "genes.csv").read_bytes())
    content[40:50] = bytes(10)
    (tmp_path / "genes.csv").write_bytes(content)
    with (
        pytest.raises(InputError, match=r"genes\.csv is (damaged|cut off)"),
        open_text(tmp_path / "genes.csv") as file,
    ):
        file.read()
