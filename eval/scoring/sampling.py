"""Genes that a model generates to be evaluated, batch by batch, shared out over the processes."""

import json

import numpy as np
from accelerate.utils import gather_object
from transformers import PreTrainedModel

from genelm.modeling import generate_genes, traits_of
from genelm.storage import InputError, progress_bar
from genelm.tokenization import load_tokenizer

from .batches import this_process
from .score_cache import ScoreCache

BATCH_SIZE = 64

_KIND = "written genes"


def sample_genes(
    model: PreTrainedModel,
    *,
    num: int,
    longest: int,
    seed: int,
    description: str | None = None,
    cache: ScoreCache | None = None,
) -> list[tuple[str, bool]]:
    """Let a model generate genes from nothing, `BATCH_SIZE` at a time, each batch with a seed of its own.

    Under several processes each generates its share, and every one gets all of them.

    Args:
        model: over the vocabulary of `genelm.tokenization`; it is run where it is.
        num: how many genes.
        longest: most bases of one, or as many as the model has positions for.
        seed: the same seed and model give the same genes on the same machine.
        description: label of the progress bar; no bar where it is None.
        cache: where finished batches are kept, and looked up first; of one process only.

    Returns:
        For each gene its letters and whether the model ended it.

    Raises:
        InputError: the model cannot generate.
    """
    limit = traits_of(model).max_bases
    most = longest if limit is None else min(longest, limit)
    state = this_process()
    cache = cache if state.num_processes == 1 else None
    sizes = [min(BATCH_SIZE, num - first) for first in range(0, num, BATCH_SIZE)]
    mine = range(state.process_index, len(sizes), state.num_processes)
    generated: dict[int, list[tuple[str, bool]]] = {}
    silent = description is None or not state.is_main_process
    for batch in progress_bar(mine, description, unit="batches", leave=False, disable=silent):
        key = json.dumps([num, most, seed, batch]).encode()
        if cache is not None and (kept := cache.read(_KIND, key)) is not None:
            generated[batch] = [(gene, is_complete) for gene, is_complete in json.loads(kept)]
            continue
        try:
            generated[batch] = generate_genes(
                model,
                load_tokenizer(),
                num=sizes[batch],
                max_new_tokens=most,
                seed=int(np.random.SeedSequence([seed, batch]).generate_state(1)[0]),
                batch_size=sizes[batch],
                description=None,
            )
        except (ValueError, RuntimeError) as error:
            raise InputError(f"The model cannot generate genes ({error}); leave the task generation out.") from error
        if cache is not None:
            cache.write(_KIND, key, json.dumps(generated[batch]).encode())
    if state.num_processes > 1:
        generated = dict(gather_object(list(generated.items())))
    return [gene for batch in range(len(sizes)) for gene in generated[batch]]
