"""Sources -> clean -> deduplicate -> split -> Parquet, manifest.json and leakage: the datasets of genes."""

from .build import DROPPED_FILE, build_dataset, dataset_facts, is_dataset_file, similarity_thresholds
from .cleaning import check_letters
from .config import HumanGenesConfig
from .familiarity import STRATA, WORD_LENGTH, familiarity_strata, shared_fractions
from .fasta_source import read_fasta
from .genes import FEATURES, SPLITS
from .human_genes import HumanGenes
from .indexed_fasta import open_indexed_fasta, without_plain_gzip
from .kmer_search import similar_to_reference
from .leakage import read_leakage, write_leakage
from .loading import FORMAT, FORMAT_VERSION, is_dataset_folder, load_split, read_column, read_manifest
from .store import reverse_complement

__all__ = [
    "DROPPED_FILE",
    "FEATURES",
    "FORMAT",
    "FORMAT_VERSION",
    "SPLITS",
    "STRATA",
    "WORD_LENGTH",
    "HumanGenes",
    "HumanGenesConfig",
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
    "reverse_complement",
    "shared_fractions",
    "similar_to_reference",
    "similarity_thresholds",
    "without_plain_gzip",
    "write_leakage",
]
