"""One honest evaluation for every model family: the scorer, the tasks, results files and reports over them."""

from .baselines import ORDERS, baseline_names, measure_baselines
from .batches import exact_recurrence, this_process
from .comparison import Difference, compare_models, gene_table_of
from .edits import accuracy as edit_accuracy
from .edits import auroc as edit_auroc
from .edits import make_edited_pairs, measure_edits
from .evaluation import TASKS, evaluate_model
from .foreign import adapt
from .gene_picture import draw_bases
from .gene_scores import gene_scores_path, read_gene_table, write_gene_table
from .generation import kmer_divergence, measure_generation
from .learning_curve import (
    learning_curve_entry,
    learning_curve_table,
    make_learning_curve,
    read_learning_curve,
    write_learning_curve,
)
from .loading import load_model
from .mutation_pairs import PairSet, read_pairs
from .mutations import measure_mutations, mutation_accuracy
from .partial_results import PartialResults
from .perplexity import bits_per_base, measure_perplexity
from .report import best_first, table_marks, update_table, write_report
from .results import Measurement, find_measurement, make_results, read_results, results_files, write_results
from .score_table import BASE_COLUMNS, GENE_COLUMNS, base_rows, gene_rows, write_base_scores, write_gene_scores
from .scoring import MAX_POSITIONS, GeneScores, check_lengths, score_bases, score_genes
from .tables import headline, markdown_table, results_table
from .variants import WINDOW, evaluate_variants, name_variants

__all__ = [
    "BASE_COLUMNS",
    "GENE_COLUMNS",
    "MAX_POSITIONS",
    "ORDERS",
    "TASKS",
    "WINDOW",
    "Difference",
    "GeneScores",
    "Measurement",
    "PairSet",
    "PartialResults",
    "adapt",
    "base_rows",
    "baseline_names",
    "best_first",
    "bits_per_base",
    "check_lengths",
    "compare_models",
    "draw_bases",
    "edit_accuracy",
    "edit_auroc",
    "evaluate_model",
    "evaluate_variants",
    "exact_recurrence",
    "find_measurement",
    "gene_rows",
    "gene_scores_path",
    "gene_table_of",
    "headline",
    "kmer_divergence",
    "learning_curve_entry",
    "learning_curve_table",
    "load_model",
    "make_edited_pairs",
    "make_learning_curve",
    "make_results",
    "markdown_table",
    "measure_baselines",
    "measure_edits",
    "measure_generation",
    "measure_mutations",
    "measure_perplexity",
    "mutation_accuracy",
    "name_variants",
    "read_gene_table",
    "read_learning_curve",
    "read_pairs",
    "read_results",
    "results_files",
    "results_table",
    "score_bases",
    "score_genes",
    "table_marks",
    "this_process",
    "update_table",
    "write_base_scores",
    "write_gene_scores",
    "write_gene_table",
    "write_learning_curve",
    "write_report",
    "write_results",
]
