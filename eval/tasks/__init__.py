"""What is measured of a model on the genes of a split: one file a task."""

from .edits import EditedPairs, Edits, make_edited_pairs, pair_accuracy, pair_auroc
from .generation import Generation
from .mutation_pairs import PairSet, read_pairs
from .mutations import Mutations, mutation_accuracy
from .paper import nats_and_symbols, paper_perplexity
from .perplexity import Perplexity
from .probing import Probing
from .strata import Stratum, gene_strata
from .task import EvaluatedGenes, Task, TaskInput

__all__ = [
    "EditedPairs",
    "Edits",
    "EvaluatedGenes",
    "Generation",
    "Mutations",
    "PairSet",
    "Perplexity",
    "Probing",
    "Stratum",
    "Task",
    "TaskInput",
    "gene_strata",
    "make_edited_pairs",
    "mutation_accuracy",
    "nats_and_symbols",
    "pair_accuracy",
    "pair_auroc",
    "paper_perplexity",
    "read_pairs",
]
