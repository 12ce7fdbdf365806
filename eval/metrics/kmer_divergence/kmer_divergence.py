"""K-mer divergence as an `evaluate` metric; the definition is genelm's."""

# One import a line: evaluate reads the imports of this file with a pattern that knows no other form.
import datasets
import evaluate

from genelm.eval import kmer_divergence

_DESCRIPTION = "Jensen-Shannon divergence of the k-mer frequencies of two sets of sequences, in bits."

_INPUTS = """
Args:
    predictions: sequences, such as those that a model wrote.
    references: as many other sequences, such as real genes.
    k: bases of a k-mer; 6 unless told otherwise.

Returns:
    kmer_divergence: bits, from 0 (equal frequencies) to 1 (no k-mer in common).
"""


class KmerDivergence(evaluate.Metric):
    """Compares all sequences added to it."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=features
        )

    def _compute(self, predictions: list[str], references: list[str], k: int = 6) -> dict[str, float]:
        return {"kmer_divergence": kmer_divergence(predictions, references, k)}
