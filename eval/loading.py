"""From the name of a model to a model that can be scored and written with."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from genelm.modeling import load_model_folder, resolve_model_folder
from genelm.storage import InputError
from genelm.tokenization import BOS_ID, encode

from .scoring import this_process


def load_model(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Path]:
    """Load a model over our vocabulary onto the device of this process.

    Args:
        name: a model folder, or `USER/NAME` on the Hub.

    Returns:
        The model, its tokenizer and its folder.

    Raises:
        InputError: there is no such model, it cannot be loaded, or its vocabulary is another, so that its logits would
            be read as those of other letters.
    """
    folder = resolve_model_folder(name)
    model, tokenizer = load_model_folder(folder)
    letters = "ACGTN"
    found, expected = tokenizer(letters)["input_ids"], [BOS_ID, *encode(letters).tolist()]
    if found != expected:
        raise InputError(
            f"The tokenizer of {name} turns {letters} into {found}, not {expected}; only models over genelm's own "
            "vocabulary can be used."
        )
    return model.to(this_process().device), tokenizer, folder
