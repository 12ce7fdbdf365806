"""Files are read plain, of gzip or of bgzip, as their content says and not their name."""

import gzip
from pathlib import Path

import pysam
import pytest

from genelm.storage import InputError, compression_of, open_bytes, open_text, seekable_file

TEXT = b"gene_id,sequence\r\na,ACGT\n" * 20_000


def _written(folder: Path, name: str, compression: str | None) -> Path:
    path, plain = folder / name, folder / "content"
    plain.write_bytes(TEXT)
    if compression == "bgzip":
        pysam.tabix_compress(str(plain), str(path))
    else:
        path.write_bytes(gzip.compress(TEXT) if compression else TEXT)
    return path


@pytest.mark.parametrize("compression", [None, "gzip", "bgzip"])
@pytest.mark.parametrize("name", ["genes.csv", "genes.csv.gz", "genes"])
def test_a_file_is_read_by_its_content_whatever_its_name(tmp_path: Path, name: str, compression: str | None) -> None:
    path = _written(tmp_path, name, compression)
    assert compression_of(path) == compression
    with open_bytes(path) as file:
        assert file.read() == TEXT
    with open_text(path) as text:
        assert text.read() == TEXT.decode()  # the ends of the lines, too
    with seekable_file(path) as plain:
        assert (plain == path) == (compression != "gzip")
        assert compression_of(plain) != "gzip"
        with open_bytes(plain) as file:
            assert file.read() == TEXT
    assert path.exists()
    assert plain.exists() == (plain == path)


def test_several_gzip_streams_in_a_row_are_one_file_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress("\ufeffone,".encode()) + gzip.compress(b"two"))
    with open_text(path) as text:
        assert text.read() == "one,two"


@pytest.mark.parametrize("content", [b"", b"\x1f", b"AC"])
def test_a_file_of_a_byte_or_two_is_plain(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with open_bytes(tmp_path / "a") as file:
        assert file.read() == content


@pytest.mark.parametrize("kept", [2, 5, 17, 1000, -1])
def test_gzip_that_is_cut_off_is_one_sentence(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(_written(tmp_path, "whole", "gzip").read_bytes()[:kept])
    with pytest.raises(InputError, match=r"a.txt is cut off: the gzip stream has no end; copy or download it again"):
        _read(path)


@pytest.mark.parametrize("kept", [1000, -1, -28])
def test_bgzip_that_is_cut_off_is_one_sentence_even_where_a_block_ends(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(_written(tmp_path, "whole", "bgzip").read_bytes()[:kept])
    with pytest.raises(InputError, match=r"a.txt is cut off: the last block of bgz is missing; copy or download"):
        _read(path)


def test_gzip_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    content = bytearray(_written(tmp_path, "whole", "gzip").read_bytes())
    content[-8] ^= 1  # the checksum of the content
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"a.txt is damaged \(CRC check failed"):
        _read(tmp_path / "a.txt")


def _read(path: Path) -> None:
    with open_text(path) as text:
        text.read()
