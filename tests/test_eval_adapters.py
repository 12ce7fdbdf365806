"""Models over other vocabularies: the same figures whatever the ids, and token costs counted for the right bases."""

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    GPT2Config,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    set_seed,
)

from genelm.eval import adapt, load_model, score_bases, score_genes
from genelm.eval.scoring.adapters import MultiBaseModel, SingleBaseModel
from genelm.storage import InputError
from genelm.tokenization import VOCABULARY, encode, load_tokenizer

GENES = ["ACGTTGCAACGGT", "G", "TTTTACGTNNACG", "ACGGT" * 9]
LETTERS = {"A": 7, "C": 8, "G": 9, "T": 10, "N": 11}


def tokenizer(vocabulary: dict[str, int], split: str, template: str, **special: str) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(split), behavior="isolated")
    named = [(token, vocabulary[token]) for token in template.split() if token != "$A"]
    made.post_processor = processors.TemplateProcessing(single=template, special_tokens=named)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", **special)


def gpt2(vocabulary_size: int) -> PreTrainedModel:
    set_seed(0)
    special = {"bos_token_id": None, "eos_token_id": None}
    config = GPT2Config(vocab_size=vocabulary_size, n_positions=64, n_embd=32, n_layer=2, n_head=2, **special)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def logits(model: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double()


def without_beginning() -> PreTrainedTokenizerFast:
    """Ids as HyenaDNA has them: bases from 7 on, `[SEP]` after a gene and nothing before it."""
    special = {"[CLS]": 0, "[SEP]": 1, "[BOS]": 2, "[MASK]": 3, "[PAD]": 4, "[UNK]": 6}
    return tokenizer(special | LETTERS, ".", "$A [SEP]", eos_token="[SEP]", bos_token="[BOS]", pad_token="[PAD]")


def test_a_model_without_a_beginning_guesses_the_first_base() -> None:
    model = gpt2(12)
    adapted = adapt(model, without_beginning(), "hyena")
    assert isinstance(adapted, SingleBaseModel)
    scores = score_genes(adapted, GENES)
    for i, gene in enumerate(GENES):
        ids = [LETTERS[letter] for letter in gene]
        rows = logits(model, ids)
        four, end = rows[:, 7:11].logsumexp(-1), rows[:, 1]
        bases = math.log(4) + sum(four[n] - rows[n, ids[n + 1]] for n in range(len(ids) - 1) if gene[n + 1] != "N")
        goes_on = sum(torch.logaddexp(four[n], end[n]) - four[n] for n in range(len(ids) - 1))
        ends = goes_on + torch.logaddexp(four[-1], end[-1]) - end[-1]
        whole = math.log(4) + sum(
            rows[n].logsumexp(-1) - rows[n, ids[n + 1]] for n in range(len(ids) - 1) if gene[n + 1] != "N"
        )
        assert scores.n_bases[i] == len(gene) - gene.count("N")
        assert scores.base_nats[i] == pytest.approx(float(bases), abs=1e-4)
        assert scores.eos_nats[i] == pytest.approx(float(ends), abs=1e-4)
        assert scores.whole_softmax_base_nats[i] == pytest.approx(float(whole), abs=1e-4)
    assert len(score_bases(adapted, ["ACGT"])[0]) == 4


LETTERS_TOKENIZER = """
from transformers import PreTrainedTokenizer

class LettersTokenizer(PreTrainedTokenizer):
    letters = {"A": 7, "C": 8, "G": 9, "T": 10, "N": 11}
    special = {"[CLS]": 0, "[SEP]": 1, "[BOS]": 2, "[MASK]": 3, "[PAD]": 4, "[UNK]": 6}

    def __init__(self, **options):
        super().__init__(eos_token="[SEP]", bos_token="[BOS]", pad_token="[PAD]", unk_token="[UNK]")

    @property
    def vocab_size(self):
        return 12

    def get_vocab(self):
        return {**self.special, **self.letters}

    def _tokenize(self, text):
        return list(text)

    def _convert_token_to_id(self, token):
        return self.get_vocab().get(token, 6)

    def _convert_id_to_token(self, index):
        return {number: token for token, number in self.get_vocab().items()}[index]

    def build_inputs_with_special_tokens(self, ids, others=None):
        return [*ids, 1]

    def save_vocabulary(self, folder, filename_prefix=None):
        return ()
"""


def test_a_tokenizer_may_be_code(tmp_path: Path) -> None:
    """As HyenaDNA's folders bring it: no tokenizer.json."""
    model = gpt2(12)
    model.save_pretrained(tmp_path)
    (tmp_path / "tokenization_letters.py").write_text(LETTERS_TOKENIZER)
    named = {"AutoTokenizer": ["tokenization_letters.LettersTokenizer", None]}
    content = {"auto_map": named, "tokenizer_class": "LettersTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(content))
    loaded, written, _ = load_model(str(tmp_path), trust_remote_code=True)
    one, other = (score_genes(adapt(*of, "hyena"), GENES) for of in ((loaded, written), (model, without_beginning())))
    assert one.base_nats.tolist() == other.base_nats.tolist()
    with pytest.raises(InputError, match=r"Its tokenizer is code, which --trust-remote-code runs\."):
        load_model(str(tmp_path))


def test_ids_do_not_matter() -> None:
    ours = gpt2(len(VOCABULARY))
    theirs = gpt2(len(VOCABULARY))
    order = [3, 0, 7, 5, 2, 6, 1, 4]  # of our tokens, the ids they have there
    with torch.no_grad():
        theirs.transformer.wte.weight[order] = ours.transformer.wte.weight.clone()
    vocabulary = dict(zip(VOCABULARY, order, strict=True))
    names = {"bos_token": "[BOS]", "eos_token": "[EOS]", "pad_token": "[PAD]"}
    adapted = adapt(theirs, tokenizer(vocabulary, ".", "[BOS] $A", **names), "shuffled")
    assert isinstance(adapted, SingleBaseModel)
    expected, found = score_genes(ours, GENES), score_genes(adapted, GENES)
    for name in ("n_bases", "base_nats", "eos_nats", "whole_softmax_base_nats", "whole_softmax_eos_nats"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
    assert adapt(ours, load_tokenizer(), "ours") is ours


@pytest.mark.parametrize("beginning", ["[CLS] ", ""])
def test_the_cost_of_a_token_counts_for_the_bases_it_spells(beginning: str) -> None:
    words = ["".join(letters) for letters in product("ACGT", repeat=3)] + list("ACGT")
    vocabulary = {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2} | {word: 3 + i for i, word in enumerate(words)}
    model = gpt2(len(vocabulary))
    made = tokenizer(vocabulary, "[ACGT]{3}|.", f"{beginning}$A [SEP]", cls_token="[CLS]", eos_token="[SEP]")
    adapted = adapt(model, made, "3-mers")
    assert isinstance(adapted, MultiBaseModel)
    genes = ["ACGTTGCAACGGT", "acg", "TTTTACG"]
    scores = score_genes(adapted, genes)
    assert scores.n_bases.tolist() == [13, 3, 7]
    for i, gene in enumerate(gene.upper() for gene in genes):
        cut = [gene[n : n + 3] for n in range(0, len(gene) // 3 * 3, 3)] + list(gene[len(gene) // 3 * 3 :])
        ids = [vocabulary[word] for word in cut]
        rows = logits(model, [0, *ids] if beginning else ids)
        guessed = ids if beginning else ids[1:]
        nats = sum(float(rows[n, 3:].logsumexp(-1) - rows[n, token]) for n, token in enumerate(guessed))
        nats += 0 if beginning else 3 * math.log(4)
        assert scores.base_nats[i] == pytest.approx(nats, abs=1e-4)
    with pytest.raises(InputError, match="Gene second cannot be scored: this model's tokens spell 3 of its 4 letters"):
        score_genes(adapted, ["ACG", "ACGN"], names=["first", "second"])
    with pytest.raises(InputError, match="so no base has a score"):
        score_bases(adapted, ["ACG"])


def test_a_uniform_token_model_has_the_bits_worked_by_hand() -> None:
    words = ["".join(letters) for letters in product("ACGT", repeat=2)]
    vocabulary = {"[CLS]": 0, "[UNK]": 1} | {word: 2 + i for i, word in enumerate(words)}
    model = gpt2(len(vocabulary))
    with torch.no_grad():
        model.transformer.wte.weight.zero_()
    adapted = adapt(model, tokenizer(vocabulary, "..", "[CLS] $A", cls_token="[CLS]"), "2-mers")
    scores = score_genes(adapted, ["ACGTAC"])
    # Sixteen equal tokens of two bases each are two bits a base; without a symbol for the end it never comes.
    assert scores.base_nats[0] / math.log(2) / 6 == pytest.approx(2)
    assert scores.eos_nats[0] == math.inf


def test_a_tokenizer_of_words_is_refused() -> None:
    vocabulary = {"[UNK]": 0, "gene": 1, "is": 2}
    with pytest.raises(InputError, match="tokenizer of some/model cannot spell genes: none of its tokens is made of"):
        adapt(gpt2(3), tokenizer(vocabulary, r"\w+", "$A"), "some/model")


def test_our_own_ids_are_what_the_scorer_takes() -> None:
    assert load_tokenizer()("ACGTN")["input_ids"][1:] == encode("ACGTN").tolist()


def test_a_model_that_looks_ahead_is_refused() -> None:
    config = BertConfig(vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    with pytest.raises(InputError, match="some/bert sees the bases it is to predict"):
        adapt(model, load_tokenizer(), "some/bert")
    assert adapt(gpt2(8), load_tokenizer(), "some/gpt2")


def test_marks_before_the_first_base_are_its_context() -> None:
    vocabulary = {"[CLS]": 0, "[UNK]": 1, "▁": 2} | {word: 3 + i for i, word in enumerate(["AC", "GT", *"ACGT"])}
    model = gpt2(len(vocabulary))
    made = tokenizer(vocabulary, "AC|GT|.", "[CLS] ▁ $A", cls_token="[CLS]")
    scores = score_genes(adapt(model, made, "marked"), ["ACGT"])
    rows = logits(model, [0, 2, 3, 4])
    nats = sum(float(rows[n, 3:].logsumexp(-1) - rows[n, token]) for n, token in ((1, 3), (2, 4)))
    assert scores.base_nats[0] == pytest.approx(nats, abs=1e-4)
