"""How models come about: training by gradients, the command behind `train.py`, and n-gram fits."""

from .learning_curve_runs import FRACTIONS, measure_learning_curve
from .main import train
from .model_factory import build_model
from .ngram import add_to_ngram, fit_ngram
from .optimizer import make_optimizer
from .options import TrainingConfig, check_config, parse_config
from .packing import pack, use_packed_rows
from .sweep import run_sweep
from .training_genes import IGNORED, TrainingGenes

__all__ = [
    "FRACTIONS",
    "IGNORED",
    "TrainingConfig",
    "TrainingGenes",
    "add_to_ngram",
    "build_model",
    "check_config",
    "fit_ngram",
    "make_optimizer",
    "measure_learning_curve",
    "pack",
    "parse_config",
    "run_sweep",
    "train",
    "use_packed_rows",
]
