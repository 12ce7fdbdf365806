"""The tokenizer object that is saved with every model."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast


def load_tokenizer() -> PreTrainedTokenizerFast:
    """Return the tokenizer of this folder: `[BOS]` first, one token per letter, `[UNK]` for all but A, C, G, T, U."""
    return AutoTokenizer.from_pretrained(Path(__file__).parent, trust_remote_code=False)
