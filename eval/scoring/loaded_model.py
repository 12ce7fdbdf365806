"""From the name of a model to a model on the device where it is fastest."""

import logging
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from genelm.modeling import load_model_folder, resolve_model_folder, traits_of

from .batches import this_process

log = logging.getLogger(__name__)


def load_model(name: str, *, trust_remote_code: bool = False) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Path]:
    """Load a causal model onto the device of this process; `adapt` makes one over another vocabulary fit the scorer.

    An n-gram model that is fastest on the CPU stays there.

    Args:
        name: a model folder, or `USER/NAME` on the Hub.
        trust_remote_code: run the code that the folder brings, where its family is not one that is known here.

    Returns:
        The model, its tokenizer and its folder.

    Raises:
        InputError: there is no such model, or it cannot be loaded.
    """
    folder = resolve_model_folder(name)
    model, tokenizer = load_model_folder(folder, trust_remote_code=trust_remote_code)
    device = torch.device("cpu") if traits_of(model).fastest_on_cpu else this_process().device
    log.debug("%s is a %s; it is run on %s", folder, model.config.model_type, device)
    return model.to(device), tokenizer, folder
