"""Letters <-> ids: `tokenizer.json` for users, a lookup table for training; batches of ids, strands, and k-mers."""

from .bases import NO_BASE, Codes, base_codes, kmer_numbers, reverse_complement, reverse_complement_codes
from .batching import INPUT_FILLER, epoch_batches, length_batches, pad_right, padded_length
from .concatenated_sequences import (
    ConcatenatedSequences,
    Integers,
    bases_ahead,
    concatenate_sequences,
    count_bases,
    in_chunks,
    kmers,
)
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
    "EOS_ID",
    "INPUT_FILLER",
    "IUPAC_LETTERS",
    "NO_BASE",
    "PAD_ID",
    "UNK_ID",
    "VOCABULARY",
    "Codes",
    "ConcatenatedSequences",
    "Integers",
    "base_codes",
    "bases_ahead",
    "concatenate_sequences",
    "count_bases",
    "encode",
    "encode_column",
    "epoch_batches",
    "in_chunks",
    "kmer_numbers",
    "kmers",
    "length_batches",
    "load_tokenizer",
    "pad_right",
    "padded_length",
    "reverse_complement",
    "reverse_complement_codes",
]
