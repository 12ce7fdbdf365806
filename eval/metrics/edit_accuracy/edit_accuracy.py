"""Edit accuracy as an `evaluate` metric; the definition is genelm's."""

# One import a line: evaluate reads the imports of this file with a pattern that knows no other form.
import datasets
import evaluate
import numpy

from genelm.eval import pair_accuracy, pair_auroc

_DESCRIPTION = "How well scores tell real genes from edited copies: accuracy with ties a half, and AUROC."

_INPUTS = """
Args:
    real: the score of each real gene; more is better. genelm takes the log-odds against uniform bases, in nats.
    edited: the score of its edited copy, in the same unit.

Returns:
    edit_accuracy: share of pairs whose real gene scores more, a tie counting a half; guessing gives one half.
    edit_auroc: the same with how far the two differ; guessing gives one half.
"""


class EditAccuracy(evaluate.Metric):
    """Compares the scores of all pairs added to it."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({"real": datasets.Value("float64"), "edited": datasets.Value("float64")})
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation="", inputs_description=_INPUTS, features=features
        )

    def _compute(self, real: list[float], edited: list[float]) -> dict[str, float]:
        differences = numpy.subtract(real, edited)
        return {"edit_accuracy": pair_accuracy(differences), "edit_auroc": pair_auroc(differences)}
