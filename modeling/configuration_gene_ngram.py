"""Configuration of the n-gram gene language model.

The file and the one it imports stand alone: they travel to the Hub beside the counts.
"""

import math
from typing import Any

try:
    from transformers import PreTrainedConfig
except ImportError:  # its name before transformers 5
    from transformers import PretrainedConfig as PreTrainedConfig

from .configuration_fields import check_fields

TABLE_SMOOTHINGS = ("mle", "laplace")
"""Smoothings of one table of counts."""

INDEX_SMOOTHINGS = ("interpolated", "mixture")
"""Smoothings over contexts of many lengths, from one index of the training genes, with weights that are fitted."""

SMOOTHINGS = TABLE_SMOOTHINGS + INDEX_SMOOTHINGS
MAX_TABLE_ORDER, MAX_INDEX_ORDER = 12, 24

FORMAT_VERSION = 1
"""Of what an index and its weights mean; a folder of another version cannot be read."""

AUTO_MAP = {
    "AutoConfig": "configuration_gene_ngram.GeneNGramConfig",
    "AutoModel": "modeling_gene_ngram.GeneNGramForCausalLM",
    "AutoModelForCausalLM": "modeling_gene_ngram.GeneNGramForCausalLM",
}
"""Where the classes of transformers that choose by themselves find the code in a model folder. There is nothing below
the predictions of an n-gram model, so they are what `AutoModel` gives."""


class GeneNGramConfig(PreTrainedConfig):
    r"""Order and smoothing of an n-gram language model of genes.

    Args:
        order (`int`, *optional*, defaults to 8):
            n: a base is predicted from at most the n - 1 bases before it. `"mle"` and `"laplace"`: from 1 to 12; the
            table of counts has 5^n entries of 4 bytes (order 8: 1.6 MB, order 12: 1 GB). `"interpolated"`: from 1 to
            24, `"mixture"`: from 2 to 24.
        smoothing (`str`, *optional*, defaults to `"laplace"`):
            `"mle"`: counts divided by their sum. `"laplace"`: `pseudocount` is added to each count first.
            `"interpolated"`: contexts of all lengths below the order, each added to what the next shorter one says.
            `"mixture"`: contexts of many lengths, copies of earlier genes and the gene itself, weighed by a small
            network.
        pseudocount (`float`, *optional*, defaults to 1.0):
            What Laplace smoothing adds; not used by the others.
        paper (`bool`, *optional*, defaults to `False`):
            For `"mle"` and `"laplace"`: whether to spread probability as NLTK does in arXiv 2307.10634: over seven
            symbols (A, C, G, T, the two gene boundaries and the unknown symbol; for order 1 over A, C, G, T and the
            unknown symbol), and to give no symbol any probability after a context that "mle" has never seen.
            Otherwise probability is spread over A, C, G, T and the end alone, uniformly after a context without
            counts.
        both_strands (`bool`, *optional*, defaults to `False`):
            For `"interpolated"` and `"mixture"`: whether the reverse complements of the genes are counted as well.
        own_gene (`bool`, *optional*, defaults to `True`):
            For `"mixture"`: whether the earlier bases of the gene itself are counted, on both strands.
        index_size (`int`, *optional*, defaults to 0):
            Symbols of the index of `"interpolated"` and `"mixture"`; known once genes are counted.
        format_version (`int`, *optional*, defaults to 1):
            Of the index and its weights; `save_pretrained` always writes it.
        use_cache (`bool`, *optional*, defaults to `True`):
            Whether a model with an index returns its state.
        vocab_size (`int`, *optional*, defaults to 8):
            Number of token ids; it is fixed.
    """

    model_type = "gene_ngram"

    # Written out, not as a dataclass: transformers before 5.4 knows no other form, and later ones take it as well.
    def __init__(
        self,
        order: int = 8,
        smoothing: str = "laplace",
        pseudocount: float = 1.0,
        paper: bool = False,
        both_strands: bool = False,
        own_gene: bool = True,
        index_size: int = 0,
        format_version: int = FORMAT_VERSION,
        use_cache: bool = True,
        vocab_size: int = 8,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 2,
        eos_token_id: int | list[int] | None = 3,
        **kwargs: Any,
    ) -> None:
        self.order = order
        self.smoothing = smoothing
        self.pseudocount = pseudocount
        self.paper = paper
        self.both_strands = both_strands
        self.own_gene = own_gene
        self.index_size = index_size
        self.format_version = format_version
        self.use_cache = use_cache
        self.vocab_size = vocab_size
        kwargs.setdefault("auto_map", dict(AUTO_MAP))
        super().__init__(pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs)
        self._check()

    @property
    def has_index(self) -> bool:
        """Whether there is an index of the training genes instead of one table of counts."""
        return self.smoothing in INDEX_SMOOTHINGS

    def _check(self) -> None:
        """Refuse orders and smoothings that do not exist.

        Raises:
            ValueError: names the option, and what it may be.
        """
        check_fields(self, format_version=int, smoothing=str, order=int, pseudocount=(int, float), index_size=int)
        check_fields(self, paper=bool, both_strands=bool, own_gene=bool, use_cache=bool, vocab_size=int)
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f"format_version is {self.format_version}, but this code reads version {FORMAT_VERSION}; fit the "
                "model again, use the genelm that wrote it, or load it with its own code (trust_remote_code=True) "
                "where genelm is not imported"
            )
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing is {self.smoothing!r}; choose one of {', '.join(SMOOTHINGS)}")
        least = 2 if self.smoothing == "mixture" else 1
        most = MAX_INDEX_ORDER if self.has_index else MAX_TABLE_ORDER
        if not least <= self.order <= most:
            raise ValueError(f"order is {self.order}; for {self.smoothing!r} it must be from {least} to {most}")
        if self.smoothing == "laplace" and not 0 < self.pseudocount < math.inf:
            raise ValueError(f"pseudocount is {self.pseudocount}; Laplace smoothing needs a number above 0")
        if self.pseudocount != 1 and self.smoothing != "laplace":
            raise ValueError(f"pseudocount is for 'laplace'; {self.smoothing!r} adds none")
        if not self.own_gene and self.smoothing != "mixture":
            raise ValueError(f"own_gene is for 'mixture'; {self.smoothing!r} does not look at the gene itself")
        if self.both_strands and not self.has_index:
            raise ValueError(f"both_strands is for {' and '.join(INDEX_SMOOTHINGS)}; {self.smoothing!r} counts one")
        if self.paper and self.has_index:
            raise ValueError(f"paper is for {' and '.join(TABLE_SMOOTHINGS)}; {self.smoothing!r} is not in the paper")
        if self.vocab_size != 8:
            raise ValueError(f"vocab_size is {self.vocab_size}; an n-gram model of genes has 8 token ids")
