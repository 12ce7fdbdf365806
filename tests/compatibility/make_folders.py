"""Make one tiny model folder of each family with the code at hand, and beside it what it must say and write.

    python tests/compatibility/make_folders.py OUTPUT

What a model must say is its logits, over whole genes and without `generate` or a state: texts are worked out step by
step from such logits, so that a wrong `generate` cannot agree with a wrong expectation.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel, set_seed

from genelm.modeling import (
    GeneNGramForCausalLM,
    GeneRNNConfig,
    GeneRNNForCausalLM,
    default_config,
    fit_head,
    new_record,
    save_model_folder,
)
from genelm.tokenization import encode, load_tokenizer

PROMPT = "acgttgNACGGTACG"
NEW_TOKENS, SEED = 24, 1
NEVER_WRITTEN = [0, 1, 2, 3]
"""`[PAD]`, `[UNK]` and `[BOS]`, and `[EOS]`, so that texts are long enough to differ."""


def genes() -> list[torch.Tensor]:
    """Return some genes, of which the last repeat parts of the others."""
    random = np.random.default_rng(0)
    letters = ["".join(random.choice(list("ACGT"), size)) for size in range(30, 54)]
    letters += [gene[5:40] + "ACG" + gene[:9] for gene in letters[:8]]
    return [torch.from_numpy(encode(gene)) for gene in letters]


def recurrent(cell_type: str, **options: object) -> PreTrainedModel:
    config = GeneRNNConfig(cell_type=cell_type, embedding_size=8, hidden_size=8, num_hidden_layers=2, **options)
    return with_large_weights(GeneRNNForCausalLM(config))


def gpt2() -> PreTrainedModel:
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return with_large_weights(GPT2LMHeadModel(GPT2Config(n_positions=64, n_embd=8, n_layer=2, n_head=2, **special)))


@torch.no_grad()
def with_large_weights(model: PreTrainedModel) -> PreTrainedModel:
    """Those of a new model are small, and so would mistakes be."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, 0.6)
    return model


def ngram(smoothing: str, order: int) -> PreTrainedModel:
    model = GeneNGramForCausalLM(default_config(smoothing, order=order)).count(genes())
    if model.config.has_index:
        fit_head(model, genes()[::-3], silent=True)
    return model


FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "gpt2": gpt2,
    "lstm": lambda: recurrent("lstm"),
    "gru": lambda: recurrent("gru", tie_word_embeddings=True),
    "laplace": lambda: ngram("laplace", 4),
    "interpolated": lambda: ngram("interpolated", 6),
    "mixture": lambda: ngram("mixture", 14),
}


@torch.no_grad()
def expected(model: PreTrainedModel, tokens: torch.Tensor) -> dict[str, object]:
    """Return what a model must say of a prompt, `[1, length]`, and what it must write after it."""
    written: dict[str, list[int]] = {}
    for way in ("greedy", "sampled"):
        row = tokens
        torch.manual_seed(SEED)
        while row.shape[1] < tokens.shape[1] + NEW_TOKENS:
            logits = model(row, use_cache=False).logits[:, -1].float()
            logits[:, NEVER_WRITTEN] = -torch.inf
            likely = logits.argmax(-1, keepdim=True)
            new = likely if way == "greedy" else torch.multinomial(logits.softmax(-1), num_samples=1)
            row = torch.cat([row, new], dim=1)
        written[way] = row[0].tolist()
    logits = model(tokens, use_cache=False).logits[0]
    return {
        "prompt": PROMPT,
        "seed": SEED,
        "new_tokens": NEW_TOKENS,
        "suppress_tokens": NEVER_WRITTEN,
        "logits": [[f"{one:.9g}" for one in place] for place in logits.tolist()],  # minus infinity is no JSON
        **written,
    }


def make_folders(output: Path) -> None:
    """Write a folder for each family, with what it must say in a file beside it."""
    tokenizer = load_tokenizer()
    tokens = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    for name, make in FAMILIES.items():
        set_seed(0)
        model = make().eval()
        record = new_record(model, config={"model": name}, seed=0, dataset={"name": "tiny"})
        save_model_folder(output / name, model, tokenizer, record)
        (output / f"{name}.json").write_text(json.dumps(expected(model, tokens)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_folders(Path(sys.argv[1]))
