from .building import (
    DROPPED_FILE,
    GeneDatasetBuilder,
    build_dataset,
    dataset_facts,
    is_dataset_file,
    read_leakage,
    similarity_thresholds,
    write_leakage,
)
from .cleaning import check_letters
from .config import GeneDatasetConfig
from .genes import (
    FEATURES,
    FORMAT,
    FORMAT_VERSION,
    SPLITS,
    Manifest,
    is_dataset_folder,
    load_split,
    read_column,
    read_manifest,
)
from .similarity import STRATA, WORD_LENGTH, familiarity_strata, shared_fractions, similar_to_reference
from .sources import open_indexed_fasta, read_fasta

__all__ = [
    "DROPPED_FILE",
    "FEATURES",
    "FORMAT",
    "FORMAT_VERSION",
    "SPLITS",
    "STRATA",
    "WORD_LENGTH",
    "GeneDatasetBuilder",
    "GeneDatasetConfig",
    "Manifest",
    "build_dataset",
    "check_letters",
    "dataset_facts",
    "familiarity_strata",
    "is_dataset_file",
    "is_dataset_folder",
    "load_split",
    "open_indexed_fasta",
    "read_column",
    "read_fasta",
    "read_leakage",
    "read_manifest",
    "shared_fractions",
    "similar_to_reference",
    "similarity_thresholds",
    "write_leakage",
]
