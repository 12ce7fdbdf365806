"""Build a dataset of genes from Python."""

import difflib
from dataclasses import fields
from pathlib import Path
from typing import Any

from genelm.dataset_scripts import (
    GeneDatasetConfig,
    Manifest,
    is_dataset_file,
    is_dataset_folder,
    read_leakage,
)
from genelm.dataset_scripts import build_dataset as fill_folder
from genelm.model_cards import render_dataset_card
from genelm.storage import InputError, atomic_folder, command_line


def build_dataset(output: str | Path, **options: Any) -> Manifest:
    """Build a dataset: read genes, clean them, drop duplicates, split, and write Parquet, a manifest and a card.

    Args:
        output: folder to write; an older dataset there is replaced when the new one is whole.
        **options: the fields of `genelm.dataset_scripts.GeneDatasetConfig`, such as `source="fasta"`,
            `input="genes.fa.gz"`, `split="similarity"`, `max_length=1000`, `seed=0`. A single file may stand for a
            list of files, and a string for a path.

    Returns:
        The manifest, as `manifest.json` has it: files, genes and bases of each split, what was dropped, fingerprint.

    Raises:
        InputError: an option is unknown or does not go with another, or a file cannot be used.

    Example:
        >>> manifest = genelm.build_dataset("genes", source="simulated", num_genes=100)
        >>> sorted(manifest.splits)
        ['test', 'train', 'validation']
    """
    folder = Path(output)
    known = [field.name for field in fields(GeneDatasetConfig)]
    for name in options.keys() - set(known):
        close = difflib.get_close_matches(name, known, n=1)
        raise InputError(
            f"A dataset has no option {name}; {f'did you mean {close[0]}?' if close else 'see GeneDatasetConfig.'}"
        )
    given: dict[str, Any] = {
        name: [value] if name in _LISTS and isinstance(value, str) else value for name, value in options.items()
    }
    config = GeneDatasetConfig(**{"name": folder.resolve().name} | given)
    with atomic_folder(folder, is_replaceable=is_dataset_file, is_own=is_dataset_folder) as temporary:
        manifest = fill_folder(config, temporary, command_line())
        card = render_dataset_card(manifest, read_leakage(temporary))
        (temporary / "README.md").write_text(card, encoding="utf-8")
    return manifest


_LISTS = ("validation_chromosomes", "test_chromosomes")
"""Options of which a string is one value; of files the config sees to that itself."""
