"""From the section `model:` of a config to a model with random weights."""

import copy
import difflib
import inspect
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from genelm.modeling import is_causal
from genelm.storage import InputError
from genelm.tokenization import BASE_IDS, BOS_ID, EOS_ID, PAD_ID, VOCABULARY


def build_model(section: dict[str, Any]) -> PreTrainedModel:
    """Build a model with random weights over our vocabulary.

    Args:
        section: `model_type`, any causal one of transformers or of ours, and the options of its configuration.

    Raises:
        InputError: there is no such type or option, the shape is impossible, or the model is not causal.
    """
    options = {str(name): value for name, value in section.items()}
    model_type = options.pop("model_type", None)
    if model_type is None:
        raise InputError("No model is described; give a --config with a section `model:`, or --model.model_type.")
    ours = {"vocab_size": len(VOCABULARY), "pad_token_id": PAD_ID, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID}
    for name in ours.keys() & options.keys():
        raise InputError(f"The model section sets {name}, which follows from the vocabulary; leave it out.")
    if (
        not isinstance(model_type, str)
        or model_type not in CONFIG_MAPPING
        or CONFIG_MAPPING[model_type] not in MODEL_FOR_CAUSAL_LM_MAPPING
    ):
        close = difflib.get_close_matches(str(model_type), list(CONFIG_MAPPING.keys()), n=3)
        raise InputError(
            f"model_type is {model_type!r}; expected gene_rnn, gpt2 or another causal type of transformers"
            + (f" (close: {', '.join(close)})." if close else ".")
        )
    config_class = CONFIG_MAPPING[model_type]
    known = _options_of(config_class) | set(config_class.attribute_map)
    for key, value in options.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise InputError(
                f"The model section has an unknown key {key!r} for model_type {model_type}"
                + (f"; did you mean {close[0]!r}?" if close else "; see the documentation of its configuration.")
            )
        if "layer" in key and isinstance(value, int) and value < 0:  # transformers would build none
            raise InputError(f"The model section has {key}: {value}; give 0 or more.")
    try:
        config = config_class(**ours, **options)
        model = AutoModelForCausalLM.from_config(config)
    except Exception as error:  # each architecture has its own for what it cannot be made of
        reason = error.__cause__ if isinstance(error, StrictDataclassError) else error
        raise InputError(f"The model section does not describe a {model_type}: {reason}.") from error
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"A {model_type} has nothing to train by gradients; fit it with `genelm ngram fit`.")
    tokens = [BOS_ID, *BASE_IDS]
    try:
        probe = with_large_weights(model)
        # Dropout and the like are asked for in training alone.
        probe.train()(input_ids=torch.tensor([tokens]), use_cache=False)
        reads_forward = is_causal(probe, tokens)
    except Exception as error:  # whatever an architecture raises
        raise InputError(f"The {model_type} that the model section describes cannot read a gene: {error}.") from error
    if not reads_forward:
        raise InputError(
            f"This {model_type} sees the bases it is to predict, so it is no causal model; choose another model_type, "
            "or set `is_decoder: true` where there is that option."
        )
    return model


def _options_of(config_class: type[PretrainedConfig]) -> set[str]:
    """Return the names of the options of a configuration, those of the classes it is derived from included."""
    classes = [one for one in config_class.__mro__ if issubclass(one, PretrainedConfig)]
    parameters = [parameter for one in classes for parameter in inspect.signature(one).parameters.values()]
    return {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}


@torch.no_grad()
def with_large_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Return a copy in which whatever reaches a place shows in what is predicted there.

    Those of a new model may be so small that it is lost among errors of rounding, until they are trained.
    """
    probe = copy.deepcopy(model).eval()
    for parameter in probe.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, parameter.shape[-1] ** -0.5)
    return probe
