"""The vocabulary, and the lookup table that turns letters into ids on the training path.

`tokenizer.json` beside this file is the same function for users of `AutoTokenizer`; a property test holds the two
together. The table is some hundred times faster and needs no tokenizer object.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

VOCABULARY = ("[PAD]", "[UNK]", "[BOS]", "[EOS]", "A", "C", "G", "T")
"""Tokens in the order of their ids."""

PAD_ID, UNK_ID, BOS_ID, EOS_ID, A_ID, C_ID, G_ID, T_ID = range(8)
BASES = "ACGT"
BASE_IDS = (A_ID, C_ID, G_ID, T_ID)

IUPAC_LETTERS = "ACGTURYSWKMBDHVN"
"""Letters that may stand in a nucleotide sequence; those that are not one base are `[UNK]` each."""

_TABLE = np.full(256, UNK_ID, dtype=np.uint8)
for _letters, _id in (("Aa", A_ID), ("Cc", C_ID), ("Gg", G_ID), ("TtUu", T_ID)):
    for _letter in _letters:
        _TABLE[ord(_letter)] = _id


def encode(sequence: str) -> npt.NDArray[np.uint8]:
    """Turn letters into ids, without `[BOS]` or `[EOS]`.

    Args:
        sequence: a nucleotide sequence, either case; U is T, and every letter but A, C, G, T, U is one `[UNK]`.

    Returns:
        One id per letter, shape `[len(sequence)]`.
    """
    # latin-1 with "?" for the rest keeps one byte per character, as the tokenizer gives one [UNK] per character.
    return _TABLE[np.frombuffer(sequence.encode("latin-1", errors="replace"), dtype=np.uint8)]


def encode_column(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Turn a column of sequences into ids, straight from its buffer.

    Args:
        column: a string array of Arrow, ASCII letters only.

    Returns:
        The ids of all sequences, one after the other, and the length of each, `[len(column)]`.
    """
    column = column.cast(pa.large_string())
    buffers: list[Any] = column.buffers()
    _, offsets, letters = buffers
    places = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    ids = _TABLE[np.frombuffer(letters, dtype=np.uint8)[places[0] : places[-1]]]
    return ids, np.diff(places)
