"""From a config to a dataset: read the sources, split, compare with training, and write."""

from .build import DROPPED_FILE, build_dataset, dataset_facts, is_dataset_file, similarity_thresholds
from .gene_dataset import GeneDatasetBuilder
from .leakage import read_leakage, write_leakage

__all__ = [
    "DROPPED_FILE",
    "GeneDatasetBuilder",
    "build_dataset",
    "dataset_facts",
    "is_dataset_file",
    "read_leakage",
    "similarity_thresholds",
    "write_leakage",
]
