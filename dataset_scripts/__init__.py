"""Sources -> clean -> deduplicate -> split -> Parquet and manifest.json: the datasets of genes."""

from .build import FORMAT, FORMAT_VERSION, build_dataset, dataset_facts, is_dataset_file
from .cleaning import check_letters
from .config import HumanGenesConfig
from .fasta_source import read_fasta
from .genes import FEATURES, SPLITS
from .human_genes import HumanGenes
from .loading import load_split, read_manifest

__all__ = [
    "FEATURES",
    "FORMAT",
    "FORMAT_VERSION",
    "SPLITS",
    "HumanGenes",
    "HumanGenesConfig",
    "build_dataset",
    "check_letters",
    "dataset_facts",
    "is_dataset_file",
    "load_split",
    "read_fasta",
    "read_manifest",
]
