"""Letters <-> ids: `tokenizer.json` for users, a lookup table for the training path, batches of ids, bases."""

from .bases import (
    COMPLEMENT_SUM,
    NO_BASE,
    ConcatenatedSequences,
    bases_ahead,
    count_bases,
    in_chunks,
    reverse_complement,
    reverse_complement_ids,
)
from .batching import INPUT_FILLER, epoch_batches, length_batches, pad_right, padded_length
from .loading import load_tokenizer
from .vocabulary import (
    BASE_IDS,
    BASES,
    BOS_ID,
    EOS_ID,
    IUPAC_LETTERS,
    PAD_ID,
    UNK_ID,
    VOCABULARY,
    encode,
    encode_column,
)

__all__ = [
    "BASES",
    "BASE_IDS",
    "BOS_ID",
    "COMPLEMENT_SUM",
    "EOS_ID",
    "INPUT_FILLER",
    "IUPAC_LETTERS",
    "NO_BASE",
    "PAD_ID",
    "UNK_ID",
    "VOCABULARY",
    "ConcatenatedSequences",
    "bases_ahead",
    "count_bases",
    "encode",
    "encode_column",
    "epoch_batches",
    "in_chunks",
    "length_batches",
    "load_tokenizer",
    "pad_right",
    "padded_length",
    "reverse_complement",
    "reverse_complement_ids",
]
