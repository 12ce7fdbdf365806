"""The conventions of "Generative Language Models on Nucleotide Sequences of Human Genes" (arXiv 2307.10634).

They differ from ours in what counts as a symbol and in the alphabet a probability is spread over, and they differ
between the paper's own model families. They live here and nowhere else, to make its figures comparable.
"""

import numpy as np
import numpy.typing as npt
from transformers import PretrainedConfig

from ..scoring import GeneScores


def counts_end_symbol(config: PretrainedConfig) -> bool:
    """Return whether the paper counts the end of a gene as a symbol: for n-grams of order 2 and more, for no other."""
    return config.model_type == "gene_ngram" and config.order > 1


def nats_and_symbols(
    scores: GeneScores, config: PretrainedConfig
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return what each gene costs in the paper's convention, and over how many symbols.

    Probabilities are those of the whole softmax. The paper's probability rule, symbols x ln perplexity, is the nats.

    Args:
        scores: of the genes.
        config: of the model; it decides whether the end symbol counts.

    Returns:
        Nats and symbols, each of shape `[n_genes]`.
    """
    if counts_end_symbol(config):
        return scores.whole_softmax_base_nats + scores.whole_softmax_eos_nats, scores.n_bases + 1
    return scores.whole_softmax_base_nats, scores.n_bases


def paper_perplexity(nats: npt.ArrayLike, symbols: npt.ArrayLike) -> float:
    """Return exp of the mean nats a symbol, every symbol of every gene weighing the same."""
    return float(np.exp(np.sum(nats) / np.sum(symbols)))
