"""The one scorer: what a causal model says of genes, whatever its vocabulary, device and length of context."""

from .adapters import adapt
from .base_plot import plot_bases
from .batches import exact_recurrence, this_process
from .hidden_states import mean_hidden_states
from .loaded_model import load_model
from .sampling import sample_genes
from .score_cache import ScoreCache
from .score_table import BASE_COLUMNS, GENE_COLUMNS, base_rows, gene_rows, write_base_scores, write_gene_scores
from .scorer import (
    MAX_POSITIONS,
    FloatArray,
    GeneScores,
    check_lengths,
    check_vocabulary,
    log_odds,
    score_bases,
    score_genes,
)

__all__ = [
    "BASE_COLUMNS",
    "GENE_COLUMNS",
    "MAX_POSITIONS",
    "FloatArray",
    "GeneScores",
    "ScoreCache",
    "adapt",
    "base_rows",
    "check_lengths",
    "check_vocabulary",
    "exact_recurrence",
    "gene_rows",
    "load_model",
    "log_odds",
    "mean_hidden_states",
    "plot_bases",
    "sample_genes",
    "score_bases",
    "score_genes",
    "this_process",
    "write_base_scores",
    "write_gene_scores",
]
