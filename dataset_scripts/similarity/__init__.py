"""What genes have in common: k-mers, whole parts, and stretches that align."""

from .containment import contained
from .familiarity import STRATA, WORD_LENGTH, familiarity_strata, shared_fractions
from .kmer_search import similar_to_reference
from .mmseqs2_search import is_installed
from .similar_genes import METHODS, Pairs, cluster_labels, similar_pairs, similar_to_evaluation

__all__ = [
    "METHODS",
    "STRATA",
    "WORD_LENGTH",
    "Pairs",
    "cluster_labels",
    "contained",
    "familiarity_strata",
    "is_installed",
    "shared_fractions",
    "similar_pairs",
    "similar_to_evaluation",
    "similar_to_reference",
]
