"""Mutation accuracy as an `evaluate` metric; the definition is genelm's."""

# One import a line: evaluate reads the imports of this file with a pattern that knows no other form.
import datasets
import evaluate

from genelm.eval import mutation_accuracy

_DESCRIPTION = "Share of pairs whose real gene a model finds strictly better than its mutated copy; a tie is wrong."

_INPUTS = """
Args:
    real: what each real gene costs: nats a symbol (the perplexity rule) or nats (the probability rule).
    mutated: what its mutated copy costs, in the same unit.

Returns:
    mutation_accuracy: from 0 to 1; guessing gives one half.
"""


class MutationAccuracy(evaluate.Metric):
    """Compares the costs of all pairs added to it."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"real": datasets.Value("float64"), "mutated": datasets.Value("float64")})
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=features
        )

    def _compute(self, real: list[float], mutated: list[float]) -> dict[str, float]:
        return {"mutation_accuracy": mutation_accuracy(real, mutated)}
