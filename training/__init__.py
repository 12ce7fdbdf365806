"""How models come about: what `train.py` puts together (options, model, genes, checkpoints), and n-gram fits."""

from .building import build_model, make_optimizer
from .checkpoints import LOGS_FOLDER, Progress, checkpoint_to_resume, load_checkpoint, save_checkpoint
from .genes import IGNORED, TrainingGenes, planned_batches
from .ngram import add_to_ngram, fit_ngram
from .options import TrainingConfig, check_config, parse_config

__all__ = [
    "IGNORED",
    "LOGS_FOLDER",
    "Progress",
    "TrainingConfig",
    "TrainingGenes",
    "add_to_ngram",
    "build_model",
    "check_config",
    "checkpoint_to_resume",
    "fit_ngram",
    "load_checkpoint",
    "make_optimizer",
    "parse_config",
    "planned_batches",
    "save_checkpoint",
]
