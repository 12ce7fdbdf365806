"""How models come about: training by gradients, the command behind `train.py`, and n-gram fits."""

from .building import build_model, make_optimizer
from .command import train
from .genes import IGNORED, TrainingGenes
from .ngram import add_to_ngram, fit_ngram
from .options import TrainingConfig, check_config, parse_config
from .packing import pack, use_packed_rows

__all__ = [
    "IGNORED",
    "TrainingConfig",
    "TrainingGenes",
    "add_to_ngram",
    "build_model",
    "check_config",
    "fit_ngram",
    "make_optimizer",
    "pack",
    "parse_config",
    "train",
    "use_packed_rows",
]
