"""Configuration of the recurrent gene language model.

The file and the one it imports stand alone: they travel to the Hub beside the weights.
"""

from typing import Any

try:
    from transformers import PreTrainedConfig
except ImportError:  # its name before transformers 5
    from transformers import PretrainedConfig as PreTrainedConfig

from .configuration_fields import check_fields

CELL_TYPES = ("lstm", "gru")

AUTO_MAP = {
    "AutoConfig": "configuration_gene_rnn.GeneRNNConfig",
    "AutoModel": "modeling_gene_rnn.GeneRNNModel",
    "AutoModelForCausalLM": "modeling_gene_rnn.GeneRNNForCausalLM",
}
"""Where the classes of transformers that choose by themselves find the code in a model folder."""


class GeneRNNConfig(PreTrainedConfig):
    r"""Shape of a recurrent language model of genes.

    Args:
        vocab_size (`int`, *optional*, defaults to 8):
            Number of token ids: four special tokens and four bases.
        cell_type (`str`, *optional*, defaults to `"lstm"`):
            `"lstm"` or `"gru"`.
        embedding_size (`int`, *optional*, defaults to 256):
            Length of a token's embedding vector.
        hidden_size (`int`, *optional*, defaults to 256):
            Length of a layer's hidden state.
        num_hidden_layers (`int`, *optional*, defaults to 2):
            Number of stacked recurrent layers.
        dropout (`float`, *optional*, defaults to 0.0):
            Share of activations zeroed in training, on what enters each recurrent layer and the head.
        tie_word_embeddings (`bool`, *optional*, defaults to `False`):
            Whether the head shares its weights with the embedding; needs `embedding_size == hidden_size`.
        use_cache (`bool`, *optional*, defaults to `True`):
            Whether a forward pass outside training returns the recurrent state, for `generate`.
    """

    model_type = "gene_rnn"
    keys_to_ignore_at_inference = ["past_key_values", "cache"]  # noqa: RUF012

    # Written out, not as a dataclass: transformers before 5.4 knows no other form, and later ones take it as well.
    def __init__(
        self,
        vocab_size: int = 8,
        cell_type: str = "lstm",
        embedding_size: int = 256,
        hidden_size: int = 256,
        num_hidden_layers: int = 2,
        dropout: float = 0.0,
        tie_word_embeddings: bool = False,
        use_cache: bool = True,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 2,
        eos_token_id: int | list[int] | None = 3,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.cell_type = cell_type
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.dropout = dropout
        self.use_cache = use_cache
        kwargs.setdefault("auto_map", dict(AUTO_MAP))
        super().__init__(
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            tie_word_embeddings=tie_word_embeddings,
            **kwargs,
        )
        self._check()

    def _check(self) -> None:
        """Refuse shapes that cannot be built.

        Raises:
            ValueError: names the option, and what it may be.
        """
        check_fields(self, vocab_size=int, cell_type=str, dropout=(int, float))
        check_fields(self, tie_word_embeddings=bool, use_cache=bool)
        if self.cell_type not in CELL_TYPES:
            raise ValueError(f"cell_type is {self.cell_type!r}; choose one of {', '.join(CELL_TYPES)}")
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers"):
            check_fields(self, **{name: int})
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; it must be at least 0 and below 1")
        if self.tie_word_embeddings and self.embedding_size != self.hidden_size:
            raise ValueError(
                f"tie_word_embeddings needs embedding_size == hidden_size, not {self.embedding_size} and "
                f"{self.hidden_size}"
            )
