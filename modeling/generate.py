"""Write genes with a causal model."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from genelm.storage import progress_bar


def generate_genes(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    num: int,
    prompt: str = "",
    max_new_tokens: int = 300,
    min_new_tokens: int = 1,
    temperature: float = 1.0,
    seed: int = 0,
    batch_size: int = 64,
    description: str | None = "generating",
) -> list[tuple[str, bool]]:
    """Sample genes that begin with a prompt.

    Args:
        model: a causal language model; it runs where it is.
        tokenizer: of the model; it adds `[BOS]`.
        num: how many genes.
        prompt: the first bases of each.
        max_new_tokens: most bases added to the prompt; a gene is shorter where the model ends it.
        min_new_tokens: least bases added to the prompt before the model may end the gene.
        temperature: above 1 more random, below 1 less.
        seed: the same seed, model and `batch_size` give the same genes on the same machine; the random state of the
            caller is left as it is.
        batch_size: genes written at a time.
        description: label of the progress bar; no bar where it is None.

    Returns:
        For each gene its letters, prompt included, and whether the model ended it.

    Raises:
        ValueError: the prompt and the new bases do not fit into the model's positions.
    """
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    length = inputs["input_ids"].shape[1]
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and length + max_new_tokens > limit:
        raise ValueError(
            f"a prompt of {length - 1} bases and {max_new_tokens} new ones do not fit into the {limit} positions of "
            f"this {model.config.model_type}, one of which is [BOS]'s; ask for fewer"
        )
    # A model in memory does not say of itself, as a saved one does, that only bases and the end can be written.
    ends = _ids(model.config.eos_token_id) or _ids(tokenizer.eos_token_id)
    impossible = sorted({tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.bos_token_id} - {None, *ends})
    padding = next(iter(_ids(model.config.pad_token_id) or _ids(tokenizer.pad_token_id) or ends), None)
    genes: list[tuple[str, bool]] = []
    with (
        _random_state_of_its_own(seed, model.device),
        progress_bar(total=num, desc=description, unit="genes", disable=description is None) as bar,
    ):
        while len(genes) < num:
            size = min(batch_size, num - len(genes))
            with torch.inference_mode():
                rows = model.generate(
                    **{name: tensor.expand(size, -1) for name, tensor in inputs.items()},
                    do_sample=True,
                    temperature=temperature,
                    top_k=0,
                    eos_token_id=ends or None,
                    pad_token_id=padding,
                    suppress_tokens=impossible,
                    max_new_tokens=max_new_tokens,
                    min_new_tokens=min_new_tokens,
                )
            for row in rows:
                new = tokenizer.decode(row[length:], skip_special_tokens=True)
                ended = not set(ends).isdisjoint(row[length:].tolist())
                genes.append((prompt.upper().replace("U", "T") + new, ended))
            bar.update(size)
    return genes


def _ids(token_ids: int | list[int] | None) -> list[int]:
    """Return the ids of a configuration, which has one, several or none of a kind."""
    return [] if token_ids is None else [token_ids] if isinstance(token_ids, int) else list(token_ids)


@contextmanager
def _random_state_of_its_own(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from a seed, and leave PyTorch's random state as it was."""
    is_cpu = device.type == "cpu"
    with torch.random.fork_rng([] if is_cpu else [device], device_type="cuda" if is_cpu else device.type):
        torch.manual_seed(seed)
        yield
