"""The `datasets` builder: the same genes as `build_dataset`, from Python and with the cache of `datasets`.

For example:

    builder = GeneDatasetBuilder(source="csv", train=["T.csv"], validation=["V.csv"], test=["S.csv"])
    builder.download_and_prepare()
    genes = builder.as_dataset(split="train")
"""

import itertools
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets.builder import Key

from genelm.storage import InputError

from ..config import GeneDatasetConfig
from ..genes import FEATURES, ROW_GROUP_GENES, SPLITS, gene_table
from .preparation import PreparedGenes, prepare_genes


class GeneDatasetBuilder(datasets.ArrowBasedBuilder):
    """Builds the three splits; the keyword arguments are the fields of `GeneDatasetConfig`.

    The cache is keyed by the options and the content of the files, so changed files never give an old dataset. Genes
    that NCBI serves are not files: once built, they stay as they are until the cache of `datasets` is emptied.
    """

    BUILDER_CONFIG_CLASS = GeneDatasetConfig
    VERSION = datasets.Version("2.0.0")
    """Part of the cache's path: raise it when the same files and options give other rows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._checksums = self.config.checksums()

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description="Genes, one per row.", features=FEATURES)

    def download_and_prepare(self, output_dir: str | None = None, **options: Any) -> None:
        """Build the dataset, as in `datasets`, except that an `output_dir` is always written anew.

        Raises:
            InputError: an input file has changed since this builder was made, or cannot be used.
        """
        if self.config.checksums() != self._checksums:
            raise InputError("An input file has changed since this builder was made; make a new GeneDatasetBuilder.")
        if output_dir is not None:  # datasets would take any dataset it finds there for this one
            options["download_mode"] = datasets.DownloadMode.REUSE_CACHE_IF_EXISTS
        super().download_and_prepare(output_dir, **options)

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        del dl_manager  # the files are local
        folder = tempfile.mkdtemp()
        prepared = prepare_genes(self.config, Path(folder) / "genes.parquet")
        weakref.finalize(prepared, shutil.rmtree, folder, ignore_errors=True)  # a stream may be read much later
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"prepared": prepared, "split": split}) for split in SPLITS
        ]

    def _generate_tables(self, prepared: PreparedGenes, split: str) -> Iterator[tuple[Key, pa.Table]]:
        genes = prepared.genes(split)
        number = 0
        while batch := list(itertools.islice(genes, ROW_GROUP_GENES)):
            yield Key(0, number), gene_table(batch)
            number += 1
