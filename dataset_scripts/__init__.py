"""Sources -> clean -> deduplicate -> split -> Parquet, manifest.json and leakage: the datasets of genes."""

from .cleaning.clean_genes import check_letters
from .config import GeneDatasetConfig
from .dataset_folder import is_dataset_folder, load_split, read_column, read_manifest
from .gene_schema import FEATURES, SPLITS
from .manifest import FORMAT, FORMAT_VERSION, Manifest
from .output.build import DROPPED_FILE, build_dataset, dataset_facts, is_dataset_file, similarity_thresholds
from .output.builder import GeneDatasetBuilder
from .output.leakage import read_leakage, write_leakage
from .similarity.familiarity import STRATA, WORD_LENGTH, familiarity_strata, shared_fractions
from .similarity.kmer_search import similar_to_reference
from .sources.fasta_source import read_fasta
from .sources.indexed_fasta import open_indexed_fasta, without_plain_gzip

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
    "without_plain_gzip",
    "write_leakage",
]
