"""What a gene is, what is dropped, and the files that hold genes while a dataset is built and afterwards."""

from .dataset_folder import (
    is_dataset_folder,
    load_split,
    read_column,
    read_dataset,
    read_manifest,
    split_files,
)
from .dropped import Dropped
from .gene_schema import FEATURES, SOURCE_COLUMNS, SPLITS, Gene, SourceGene, gene_table, new_gene
from .gene_store import ROW_GROUP_GENES, GeneStore, RowGroupWriter
from .manifest import FORMAT, FORMAT_VERSION, Manifest

__all__ = [
    "FEATURES",
    "FORMAT",
    "FORMAT_VERSION",
    "ROW_GROUP_GENES",
    "SOURCE_COLUMNS",
    "SPLITS",
    "Dropped",
    "Gene",
    "GeneStore",
    "Manifest",
    "RowGroupWriter",
    "SourceGene",
    "gene_table",
    "is_dataset_folder",
    "load_split",
    "new_gene",
    "read_column",
    "read_dataset",
    "read_manifest",
    "split_files",
]
