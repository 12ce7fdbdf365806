"""How models come about: training by gradients, the command behind `train.py`, and n-gram fits."""

from .building import build_model
from .command import train
from .genes import IGNORED, TrainingGenes
from .learning_curve import FRACTIONS, measure_learning_curve
from .ngram import add_to_ngram, fit_ngram
from .optimizer import make_optimizer
from .options import TrainingConfig, check_config, parse_config
from .packing import pack, use_packed_rows
from .sweep import run_sweep

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
