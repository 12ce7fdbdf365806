from .dataset import build_dataset
from .eval import Measurement, Results, Task, TaskInput
from .evaluation import evaluate, report
from .fitting import fit_ngram, train
from .model import GeneratedGene, Model, Scores, load
from .storage import GenelmError, InputError
from .version import __version__

__all__ = [
    "GenelmError",
    "GeneratedGene",
    "InputError",
    "Measurement",
    "Model",
    "Results",
    "Scores",
    "Task",
    "TaskInput",
    "__version__",
    "build_dataset",
    "evaluate",
    "fit_ngram",
    "load",
    "report",
    "train",
]
