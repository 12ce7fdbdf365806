"""The two ways from letters to ids are one function, and batches lose nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from genelm.tokenization import (
    EOS_ID,
    PAD_ID,
    VOCABULARY,
    encode,
    epoch_batches,
    length_batches,
    load_tokenizer,
    pad_right,
    padded_length,
)

TOKENIZER = load_tokenizer()
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=80).map(np.array)


def test_vocabulary_is_the_contract() -> None:
    assert TOKENIZER.get_vocab() == {token: index for index, token in enumerate(VOCABULARY)}
    assert VOCABULARY == ("[PAD]", "[UNK]", "[BOS]", "[EOS]", "A", "C", "G", "T")


def test_hand_worked_example() -> None:
    assert TOKENIZER("acgtNRYACGTu")["input_ids"] == [2, 4, 5, 6, 7, 1, 1, 1, 4, 5, 6, 7, 7]
    assert encode("acgtNRYACGTu").tolist() == [4, 5, 6, 7, 1, 1, 1, 4, 5, 6, 7, 7]


@given(st.text(alphabet=st.characters(exclude_characters="[", exclude_categories=["Cs"]), max_size=200))
def test_table_and_tokenizer_agree_on_any_text(text: str) -> None:
    assert encode(text).tolist() == TOKENIZER(text)["input_ids"][1:]


def test_bos_is_added_and_eos_is_not() -> None:
    ids = TOKENIZER("ACGT")["input_ids"]
    assert ids[0] == TOKENIZER.bos_token_id
    assert EOS_ID not in ids


@given(st.text(alphabet="ACGT", max_size=200))
def test_decoding_gives_the_letters_back(sequence: str) -> None:
    assert TOKENIZER.decode(TOKENIZER(sequence)["input_ids"], skip_special_tokens=True) == sequence


def test_saved_beside_a_gpt2_config_it_stays_our_tokenizer(tmp_path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    assert AutoTokenizer.from_pretrained(tmp_path)("ACGT")["input_ids"] == [2, 4, 5, 6, 7]


@given(LENGTHS, st.integers(1, 300), st.none() | st.integers(1, 5))
def test_each_gene_is_in_one_batch_within_the_budget(lengths: np.ndarray, budget: int, most: int | None) -> None:
    batches = length_batches(lengths, budget, most)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
        assert most is None or len(batch) <= most


@given(LENGTHS, st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_is_a_function_of_seed_and_epoch(lengths: np.ndarray, seed: int, epoch: int) -> None:
    once, again = (epoch_batches(lengths, 100, None, seed, epoch) for _ in range(2))
    assert [batch.tolist() for batch in once] == [batch.tolist() for batch in again]
    assert sorted(np.concatenate(once)) == list(range(len(lengths)))


def test_epochs_differ() -> None:
    lengths = np.arange(1, 200)
    first, second = (epoch_batches(lengths, 500, None, 0, epoch) for epoch in (0, 1))
    assert [batch.tolist() for batch in first] != [batch.tolist() for batch in second]


@pytest.mark.parametrize(("max_positions", "max_genes"), [(4096, None), (8192, None), (64512, 64)])
def test_little_of_a_batch_is_padding(max_positions: int, max_genes: int | None) -> None:
    """Of as many genes as the paper's, whose lengths are spread out likewise; 64 a batch are its own."""
    lengths = np.random.default_rng(0).lognormal(5.7, 0.7, size=5476).clip(20, 1000).astype(int)
    batches = epoch_batches(lengths, max_positions, max_genes, 0, 0)
    positions = sum(len(batch) * padded_length(int(lengths[batch].max())) for batch in batches)
    assert lengths.sum() / positions > 0.95


def test_padding_is_on_the_right() -> None:
    assert pad_right([np.array([4, 5]), np.array([6])], PAD_ID).tolist() == [[4, 5], [6, PAD_ID]]


@pytest.mark.parametrize("letters", ["", "N" * 10])
def test_sequences_without_a_base(letters: str) -> None:
    assert encode(letters).tolist() == [1] * len(letters)
