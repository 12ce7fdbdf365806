"""What `train.py` puts together: options, model, genes and checkpoints."""

from .building import build_model, make_optimizer
from .checkpoints import LOGS_FOLDER, Progress, checkpoint_to_resume, load_checkpoint, save_checkpoint
from .genes import IGNORED, TrainingGenes, planned_batches
from .options import TrainingConfig, check_config, parse_config

__all__ = [
    "IGNORED",
    "LOGS_FOLDER",
    "Progress",
    "TrainingConfig",
    "TrainingGenes",
    "build_model",
    "check_config",
    "checkpoint_to_resume",
    "load_checkpoint",
    "make_optimizer",
    "parse_config",
    "planned_batches",
    "save_checkpoint",
]
