"""A model folder: what `from_pretrained`, `pipeline` and the Hub need, and the record of how the model came about."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from genelm.storage import InputError, sha256_of

RECORD_FILE = "training_record.json"
"""The file by which a model folder of ours is known: command, config, data and figures of its training."""


def save_model_folder(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, record: dict[str, Any]
) -> None:
    """Write a whole model folder: weights, config, generation config, tokenizer, code where it is ours, and record.

    Args:
        folder: where to; the files of an older model there are replaced, others (checkpoints, logs) stay.
        model: any causal language model over the vocabulary of `tokenizer`.
        tokenizer: saved beside the model.
        record: how the model came about, JSON values only.
    """
    special = [model.config.pad_token_id, tokenizer.unk_token_id, model.config.bos_token_id]
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        do_sample=True,
        top_k=0,
        max_new_tokens=256,
        suppress_tokens=sorted(special),
    )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as temporary, _no_progress_bars():
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        (Path(temporary) / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n")
        # The record comes last: a folder that has one is whole.
        for file in sorted(Path(temporary).iterdir(), key=lambda path: path.name == RECORD_FILE):
            os.replace(file, folder / file.name)


def resolve_model_folder(name: str) -> Path:
    """Return the folder of a model that is named by a path or by its repository on the Hub.

    Args:
        name: a folder, or `USER/NAME`, which is downloaded into the Hub's cache.

    Raises:
        InputError: it is neither, or the folder lacks its config, weights or tokenizer.
    """
    folder = Path(name)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(name))
        except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise InputError(
                f"{name} is neither a folder here nor a model that could be fetched from the Hub "
                f"({type(error).__name__}); give the folder of a trained model or USER/NAME."
            ) from error
    for pattern, what in (
        ("config.json", "configuration"),
        ("*.safetensors", "weights"),
        ("tokenizer.json", "tokenizer"),
    ):
        if not list(folder.glob(pattern)):
            raise InputError(f"{name} is not a whole model folder: it has no {what} ({pattern}); train a model first.")
    return folder


def load_model_folder(
    folder: Path, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the model, in evaluation mode, and the tokenizer of a model folder.

    Args:
        folder: from `resolve_model_folder`.
        dtype: floating-point type of weights and logits.

    Raises:
        InputError: the files are there but cannot be read as a causal language model.
    """
    try:
        with _no_progress_bars():
            model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:
        raise InputError(f"{folder} cannot be loaded as a causal language model: {error}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(f"{folder}: the weights of {', '.join(missing)} are missing; the folder is damaged.")
    return model.eval(), tokenizer


def model_fingerprint(folder: Path) -> str:
    """Return the SHA-256 over the configuration and the weights of a model folder, 64 hexadecimal digits."""
    return sha256_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def describe_model(folder: Path, model: PreTrainedModel) -> dict[str, Any]:
    """Return what results and cards say of a model: name, type, numbers stored and fingerprint."""
    return {
        "name": folder.resolve().name,
        "model_type": model.config.model_type,
        "parameters": count_numbers(model),
        "fingerprint": model_fingerprint(folder),
    }


def count_numbers(model: PreTrainedModel) -> int:
    """Return how many numbers a model has learned: its parameters, or the counts of an n-gram model."""
    return model.num_parameters() or sum(buffer.numel() for buffer in model.state_dict().values())


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Silence the bars of transformers: they would break into ours, and these models load in no time."""
    enabled = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            enable_progress_bar()
