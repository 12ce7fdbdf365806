"""Reading a dataset folder that `build_dataset` wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from genelm.storage import InputError, read_format, sha256_of

from .gene_schema import Gene, SourceGene
from .manifest import FORMAT, FORMAT_VERSION, Manifest

_HOW_TO_BUILD = "build one with `genelm data build --output FOLDER`"


def read_manifest(folder: Path | str) -> Manifest:
    """Return the manifest of a dataset folder, `manifest.json`.

    Raises:
        InputError: the folder is no dataset folder, or one of another version of the format.
    """
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise InputError(f"{folder} is no dataset folder: it has no manifest.json; {_HOW_TO_BUILD}.")
    return read_format(path, FORMAT, FORMAT_VERSION, Manifest, expected=_HOW_TO_BUILD, remedy=_HOW_TO_BUILD)


def is_dataset_folder(folder: Path) -> bool:
    """Return whether a folder is one that `build_dataset` wrote, in whatever version of the format."""
    try:
        return bool(json.loads((folder / "manifest.json").read_bytes())["format"] == FORMAT)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def split_files(folder: Path | str, split: str) -> list[Path]:
    """Return the Parquet files of a split, whose checksums were compared with the manifest.

    Args:
        folder: a folder written by `build_dataset`.
        split: `train`, `validation` or `test`.

    Raises:
        InputError: the folder is no dataset folder, the split is missing or not what the manifest says.
    """
    splits = read_manifest(folder).splits
    if split not in splits:
        raise InputError(f"{folder} has no split {split!r}; it has {', '.join(splits)}.")
    paths = []
    for file in splits[split].files:
        path = Path(folder) / file.file
        if not path.is_file():
            raise InputError(f"{path} is missing, though the manifest names it; {_HOW_TO_BUILD}.")
        if sha256_of(path) != file.sha256:
            raise InputError(
                f"{path} is not the file that the manifest describes (its SHA-256 differs); {_HOW_TO_BUILD}."
            )
        paths.append(path)
    return paths


def read_dataset(folder: Path) -> Iterator[SourceGene]:
    """Read the genes of all splits of a dataset folder, as a source for another one.

    Args:
        folder: a folder written by `build_dataset`.

    Yields:
        The genes, split by split in the order of the manifest, with all their columns.

    Raises:
        InputError: the folder is no dataset folder, or a file is not what the manifest says.
    """
    for split in read_manifest(folder).splits:
        for path in split_files(folder, split):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=1000):
                    for gene in batch.to_pylist():
                        yield SourceGene(cast(Gene, gene), f"{path}, gene {gene['gene_id']}")


def read_column(folder: Path | str, split: str, column: str) -> Iterator[pa.Array]:
    """Yield one column of a split in parts, so that memory does not grow with the split.

    Args:
        folder: a folder written by `build_dataset`.
        split: `train`, `validation` or `test`.
        column: a column of `FEATURES`.

    Raises:
        InputError: the folder is no dataset folder, the split is missing or not what the manifest says.
    """
    for path in split_files(folder, split):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[column]):
                yield batch.column(0)


def load_split(folder: Path | str, split: str) -> datasets.Dataset:
    """Return one split of a dataset folder, held in memory.

    The file is checked against the manifest, whose fingerprint results are reported under.

    Args:
        folder: a folder written by `build_dataset`.
        split: `train`, `validation` or `test`.

    Returns:
        The genes, with the columns of `FEATURES`.

    Raises:
        InputError: the folder is no dataset folder, the split is missing or not what the manifest says.
    """
    paths = split_files(folder, split)
    # Not load_dataset, which would copy the file to its cache; not read_table, which would turn a folder named
    # like seed=1 above the file into a column.
    return datasets.Dataset(pa.concat_tables(pq.ParquetFile(path).read() for path in paths))
