"""Bits per base as an `evaluate` metric; the definition is genelm's."""

# One import a line: evaluate reads the imports of this file with a pattern that knows no other form.
import datasets
import evaluate

from genelm.eval import bits_per_base

_DESCRIPTION = "Bits a base of DNA costs a model: the nats of all bases, divided by ln 2 and by their number."

_INPUTS = """
Args:
    nats: -ln p of each gene's bases, summed over the gene, p renormalised over A, C, G and T.
    n_bases: A, C, G, T positions of each gene.

Returns:
    bits_per_base: every base of every gene weighing the same.
    perplexity: 2 to that power.
"""


class BitsPerBase(evaluate.Metric):
    """Sums nats and bases over all genes added to it."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"nats": datasets.Value("float64"), "n_bases": datasets.Value("int64")})
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=features
        )

    def _compute(self, nats: list[float], n_bases: list[int]) -> dict[str, float]:
        bits = bits_per_base(nats, n_bases)
        return {"bits_per_base": bits, "perplexity": 2**bits}
