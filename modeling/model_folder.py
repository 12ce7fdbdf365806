"""A model folder: what `from_pretrained`, `pipeline` and the Hub need, and the record of how the model came about."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    StrictDataclassError,
)
from safetensors import safe_open
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from genelm.storage import (
    InputError,
    ServerError,
    apply_umask,
    command_line,
    package_versions,
    sha256_of,
    write_json,
)
from genelm.tokenization import BOS_ID, EOS_ID, VOCABULARY, load_tokenizer

from .modeling_gene_ngram import GeneNGramForCausalLM

RECORD_FILE = "training_record.json"
"""How the model came about: command, config, data and metrics of its training."""

CURVE_FILE = "training_curve.png"
"""Plot of the training, for the card."""

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "configuration_*.py",
    "modeling_*.py",
    "ngram_*.py",
    "recurrent_cache.py",
    RECORD_FILE,
    CURVE_FILE,
)
"""What belongs to a model; anything else in its folder, checkpoints and logs above all, stays at home."""

NEW_TOKENS = 256
"""What `generate` and `pipeline` write where nothing else is asked for, within the positions of the model."""


def is_model_file(path: str) -> bool:
    """Return whether a file of a model folder belongs to the model."""
    return any(fnmatch(path, pattern) for pattern in MODEL_FILES) and "/" not in path


def new_record(
    model: PreTrainedModel, *, config: dict[str, Any], seed: int | None, dataset: dict[str, Any]
) -> dict[str, Any]:
    """Return what every record says of how a model came about.

    Args:
        model: the model.
        config: all options, those of the model under `model`.
        seed: of the run; None where nothing is random.
        dataset: `dataset_facts` of `genelm.dataset_scripts`.
    """
    return {
        "command": command_line(),
        "config": config,
        "seed": seed,
        "dataset": dataset,
        "parameters": count_numbers(model),
        "packages": package_versions(),
    }


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of a model folder, empty where there is none or one of somebody else's form."""
    with suppress(OSError, ValueError):
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if isinstance(record, dict):
            return record
    return {}


def save_model_folder(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write a whole model folder: weights, config, generation config, tokenizer, code where it is ours, and record.

    Args:
        folder: where to; the files of an older model there are replaced, others (checkpoints, logs) stay.
        model: any causal language model over the vocabulary of `tokenizer`.
        tokenizer: saved beside the model.
        record: how the model came about, JSON values only.
        weights: by name, where the model at hand has only its process' share of them.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
        # All said outright: what is left out, a pipeline fills in with a taste of its own (temperature 0.7).
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=NEW_TOKENS if positions is None else min(NEW_TOKENS, positions // 2),
        suppress_tokens=sorted([model.config.pad_token_id, tokenizer.unk_token_id, model.config.bos_token_id]),
    )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as temporary, _no_progress_bars():
        model.save_pretrained(temporary, state_dict=weights)
        tokenizer.save_pretrained(temporary)
        _make_portable(Path(temporary) / "tokenizer_config.json", positions)
        # transformers before 5 says there once more what stands in tokenizer_config.json.
        (Path(temporary) / "special_tokens_map.json").unlink(missing_ok=True)
        write_json(Path(temporary) / RECORD_FILE, record)
        # A folder that has a record is whole: the old one goes first, the new one comes last.
        new = {file.name: file for file in Path(temporary).iterdir()}
        old = [file for file in folder.iterdir() if file.is_file() and is_model_file(file.name)]
        for file in sorted(old, key=lambda path: path.name != RECORD_FILE):
            if file.name == RECORD_FILE or file.name not in new:
                file.unlink()
        for name in sorted(new, key=lambda name: name == RECORD_FILE):
            apply_umask(new[name])
            os.replace(new[name], folder / name)


_NOT_OF_A_MODEL = ("is_local", "local_files_only", "backend")
"""Options of a tokenizer that say how it was loaded, which transformers 5 saves with it."""


def _make_portable(tokenizer_config: Path, positions: int | None) -> None:
    """Leave in a tokenizer's options what every transformers since 4.56 reads, and what this model can read.

    Args:
        tokenizer_config: the file.
        positions: of the model, where it has a greatest length.
    """
    options = json.loads(tokenizer_config.read_text(encoding="utf-8"))
    for name in _NOT_OF_A_MODEL:
        options.pop(name, None)
    if options.get("tokenizer_class") == "TokenizersBackend":
        options["tokenizer_class"] = "PreTrainedTokenizerFast"  # its name before transformers 5, known to both
    if positions is not None:
        options["model_max_length"] = positions
    write_json(tokenizer_config, options)


_TOKENIZER_CODE = "tokenization_*.py"
"""What some models of others bring instead of a `tokenizer.json`."""

_OF_THE_HUB = (
    "*.json",
    "*.safetensors",
    "*.py",
    "*vocab*.*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    CURVE_FILE,
)
"""Files of a repository that are downloaded, none of them in a folder: what a model, its tokenizer and its card need.

A repository may have as much again of weights in other formats, and data.
"""


def resolve_model_folder(name: str) -> Path:
    """Return the folder of a model that is named by a path or by its repository on the Hub.

    Args:
        name: a folder, or `USER/NAME`, of which what is needed is downloaded into the Hub's cache.

    Raises:
        InputError: it is neither, or the folder lacks its config, weights or tokenizer.
        ServerError: there is no such folder, and the Hub cannot be asked.
    """
    folder = Path(name)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(name, allow_patterns=[*_OF_THE_HUB], ignore_patterns="*/*"))
        except HFValidationError as error:
            raise InputError(f"There is no folder {name}; give that of a model, or USER/NAME of the Hub.") from error
        except LocalEntryNotFoundError as error:
            raise ServerError(
                f"There is no folder {name}, and the Hub could not be asked for a model of this name; check the name "
                "and the network."
            ) from error
        except (HfHubHTTPError, OSError) as error:
            raise InputError(
                f"{name} is neither a folder here nor a model that the Hub gives ({type(error).__name__}); give the "
                "folder of a model, or USER/NAME of the Hub."
            ) from error
    for what, *patterns in (
        ("configuration", "config.json"),
        ("weights", "*.safetensors"),
        ("tokenizer", "tokenizer.json", _TOKENIZER_CODE),
    ):
        if what == "tokenizer" and lacks_only_our_tokenizer(folder):
            continue
        if not any(any(folder.glob(pattern)) for pattern in patterns):
            wanted = " or ".join(patterns)
            raise InputError(f"{name} is no whole model folder: it has no {what} ({wanted}); {_advice(folder)}.")
    return folder


def lacks_only_our_tokenizer(folder: Path) -> bool:
    """Return whether a folder is over genelm's vocabulary and lacks its tokenizer, as `save_pretrained` leaves it.

    One that has a part of a tokenizer is damaged.
    """
    return not any(folder.glob("tokenizer*.json")) and _is_over_our_vocabulary(folder)


def _is_over_our_vocabulary(folder: Path) -> bool:
    """Return whether a folder's configuration has the size and the special tokens of genelm's only vocabulary."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = (config["vocab_size"], config["bos_token_id"], config["eos_token_id"])
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return found == (len(VOCABULARY), BOS_ID, EOS_ID)


def _advice(folder: Path) -> str:
    """Return what to give instead of a folder that is not that of a model."""
    if (folder / "manifest.json").is_file():
        return "it is that of a dataset, so give that of a model"
    if folder.name.startswith("checkpoint-"):
        return f"it is a checkpoint, and the model of its training is {folder.parent}"
    if any(folder.glob("checkpoint-*")):
        return "its training has kept no model yet, so let it go on by --resume_from_checkpoint latest"
    return "give that of a model which was trained or fitted to its end"


def load_model_folder(
    folder: Path, *, trust_remote_code: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the model, in float32 and evaluation mode, and the tokenizer of a model folder.

    Args:
        folder: from `resolve_model_folder`.
        trust_remote_code: run the code that the folder brings, where its family is not one that is known here.

    Raises:
        InputError: the files are there but cannot be read as a causal language model, or are damaged.
    """
    try:
        with _no_progress_bars():
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report, and refused below
                trust_remote_code=trust_remote_code,
            )
        tokenizer = _load_tokenizer(folder, trust_remote_code)
    except Exception as error:
        is_code = not trust_remote_code and not (folder / "tokenizer.json").exists()
        hint = " Its tokenizer is code, which --trust-remote-code runs." if is_code else ""
        reason = error.__cause__ if isinstance(error, StrictDataclassError) else error
        raise InputError(f"{folder} cannot be loaded as a causal language model: {reason}{hint}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(f"{folder}: the weights of {', '.join(missing)} are missing; the folder is damaged.")
    # Before transformers 5 they are names alone.
    mismatched = sorted(one if isinstance(one, str) else one[0] for one in report["mismatched_keys"])
    if mismatched:
        stored, expected = _stored_shape(folder, mismatched[0]), list(model.state_dict()[mismatched[0]].shape)
        raise InputError(
            f"{folder}: {mismatched[0]} has the shape {stored}, but config.json asks for {expected}; one of the two "
            "files is not of this model, so get both anew."
        )
    if isinstance(model, GeneNGramForCausalLM) and model.config.has_index:
        try:
            model.index.check()
        except ValueError as error:
            raise InputError(f"{folder} cannot be used: {error}.") from error
    return model.eval(), tokenizer


def _stored_shape(folder: Path, name: str) -> list[int]:
    """Return the shape of a weight in the files of a model folder."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as weights:
            if name in weights.keys():  # noqa: SIM118 - it is no mapping
                return list(weights.get_slice(name).get_shape())
    return []


def _load_tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a folder, or genelm's where the model is over its vocabulary and brings none.

    It is loaded also where an old transformers does not know the name that a newer one has for its class.
    """
    if lacks_only_our_tokenizer(folder):
        return load_tokenizer()
    file = folder / "tokenizer_config.json"
    options = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if options.get("tokenizer_class") == "TokenizersBackend" and not hasattr(transformers, "TokenizersBackend"):
        known = {name: value for name, value in options.items() if name not in ("tokenizer_class", *_NOT_OF_A_MODEL)}
        return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **known)
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)


def model_fingerprint(folder: Path) -> str:
    """Return the SHA-256 over the configuration and the weights of a model folder, 64 hexadecimal digits."""
    return sha256_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def describe_model(name: str, folder: Path, model: PreTrainedModel) -> dict[str, Any]:
    """Return what results say of a model: name, type, numbers learned, fingerprint, and that of its training data.

    Args:
        name: the path or repository that the user gave, whose last part is the model's name.
        folder: what `resolve_model_folder` made of it.
        model: loaded from there.
    """
    facts = {
        "name": Path(name).resolve().name,
        "model_type": model.config.model_type,
        "parameters": count_numbers(model),
        "fingerprint": model_fingerprint(folder),
    }
    with suppress(KeyError, TypeError):
        facts["trained_on"] = read_record(folder)["dataset"]["fingerprint"]
    return facts


@torch.no_grad()
def is_causal(model: PreTrainedModel, tokens: Sequence[int]) -> bool:
    """Return whether what comes after a token leaves what the model predicts there as it is.

    Args:
        model: takes `input_ids` and gives `logits`.
        tokens: ids to try it with, at least two and not all the same.
    """
    training = model.training
    model.eval()
    rows = torch.tensor([[*tokens, last] for last in (min(tokens), max(tokens))], device=model.device)
    one, other = (model(input_ids=row[None], use_cache=False).logits[:, :-1] for row in rows)
    model.train(training)
    return torch.allclose(one, other, atol=1e-4, equal_nan=True)


def count_numbers(model: PreTrainedModel) -> int:
    """Return how many numbers a model has learned: its parameters, and the counts of an n-gram model."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    counts = sum(buffer.numel() for name, buffer in model.state_dict().items() if name not in parameters)
    return model.num_parameters() + counts


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
