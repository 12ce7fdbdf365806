"""Configuration of the recurrent gene language model."""

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

CELL_TYPES = ("lstm", "gru")


@strict
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

    vocab_size: int = 8
    cell_type: str = "lstm"
    embedding_size: int = 256
    hidden_size: int = 256
    num_hidden_layers: int = 2
    dropout: float | int = 0.0
    tie_word_embeddings: bool = False
    use_cache: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3

    def validate_architecture(self) -> None:
        """Refuse shapes that cannot be built."""
        super().validate_architecture()
        if self.cell_type not in CELL_TYPES:
            raise ValueError(f"cell_type is {self.cell_type!r}; choose one of {', '.join(CELL_TYPES)}")
        for name in ("embedding_size", "hidden_size", "num_hidden_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; it must be at least 0 and below 1")
        if self.tie_word_embeddings and self.embedding_size != self.hidden_size:
            raise ValueError(
                f"tie_word_embeddings needs embedding_size == hidden_size, not {self.embedding_size} and "
                f"{self.hidden_size}"
            )
