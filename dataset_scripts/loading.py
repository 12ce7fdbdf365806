"""Reading a dataset folder that `build_dataset` wrote."""

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq

from genelm.storage import InputError, sha256_of

from .build import FORMAT, FORMAT_VERSION

_HOW_TO_BUILD = "build one with `genelm data build --output FOLDER`"


def read_manifest(folder: Path | str) -> dict[str, Any]:
    """Return the manifest of a dataset folder.

    Raises:
        InputError: the folder is no dataset folder, or one of another version.
    """
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise InputError(f"{folder} is no dataset folder: it has no manifest.json; {_HOW_TO_BUILD}.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); {_HOW_TO_BUILD}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{path} is not the manifest of a dataset of genelm; {_HOW_TO_BUILD}.")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {manifest.get('format_version')}, and this genelm reads {FORMAT_VERSION}; "
            f"{_HOW_TO_BUILD}."
        )
    return manifest


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
    splits = read_manifest(folder)["splits"]
    if split not in splits:
        raise InputError(f"{folder} has no split {split!r}; it has {', '.join(splits)}.")
    path = Path(folder) / splits[split]["file"]
    if not path.is_file():
        raise InputError(f"{path} is missing, though the manifest names it; {_HOW_TO_BUILD}.")
    if sha256_of(path) != splits[split]["sha256"]:
        raise InputError(f"{path} is not the file that the manifest describes (its SHA-256 differs); {_HOW_TO_BUILD}.")
    # Not load_dataset, which would copy the file to its cache; not read_table, which would turn a folder named
    # like seed=1 above the file into a column.
    return datasets.Dataset(pq.ParquetFile(path).read())
