from .dataset import build_dataset
from .evaluation import Results, evaluate, report
from .fitting import fit_ngram, train
from .model import GeneratedGene, Model, Scores, load
from .storage import InputError
from .version import __version__

__all__ = [
    "GeneratedGene",
    "InputError",
    "Model",
    "Results",
    "Scores",
    "__version__",
    "build_dataset",
    "evaluate",
    "fit_ngram",
    "load",
    "report",
    "train",
]
