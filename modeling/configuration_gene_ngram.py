"""Configuration of the n-gram gene language model."""

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

SMOOTHINGS = ("mle", "laplace")
MAX_ORDER = 12


@strict
class GeneNGramConfig(PreTrainedConfig):
    r"""Order and smoothing of an n-gram language model of genes.

    Args:
        order (`int`, *optional*, defaults to 8):
            n: a base is predicted from the n - 1 bases before it. From 1 to 12; the table of counts has
            5^n entries of 4 bytes (order 8: 1.6 MB, order 12: 1 GB).
        smoothing (`str`, *optional*, defaults to `"laplace"`):
            `"mle"`: counts divided by their sum. `"laplace"`: `pseudocount` is added to each count first.
        pseudocount (`float`, *optional*, defaults to 1.0):
            What Laplace smoothing adds; not used by `"mle"`.
        paper (`bool`, *optional*, defaults to `False`):
            Whether to spread probability as NLTK does in arXiv 2307.10634: over seven symbols (A, C, G, T, the
            two gene boundaries and the unknown symbol; for order 1 over A, C, G, T and the unknown symbol), and to
            give no symbol any probability after a context that "mle" has never seen. Otherwise probability is spread
            over A, C, G, T and the end alone, uniformly after a context without counts.
        vocab_size (`int`, *optional*, defaults to 8):
            Number of token ids; it is fixed.
    """

    model_type = "gene_ngram"

    order: int = 8
    smoothing: str = "laplace"
    pseudocount: float | int = 1.0
    paper: bool = False
    vocab_size: int = 8
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3

    def validate_architecture(self) -> None:
        """Refuse orders and smoothings that do not exist."""
        super().validate_architecture()
        if not 1 <= self.order <= MAX_ORDER:
            raise ValueError(f"order is {self.order}; it must be from 1 to {MAX_ORDER}")
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing is {self.smoothing!r}; choose one of {', '.join(SMOOTHINGS)}")
        if self.smoothing == "laplace" and not self.pseudocount > 0:
            raise ValueError(f"pseudocount is {self.pseudocount}; Laplace smoothing needs more than 0")
        if self.vocab_size != 8:
            raise ValueError(f"vocab_size is {self.vocab_size}; an n-gram model of genes has 8 token ids")
