"""Adapters: causal models over other vocabularies, which the one scorer then measures as it does ours.

Where every base is a token, a model is wrapped to take and give the ids of our vocabulary, and nothing else changes.
Where a token spells several bases (k-mers, byte pairs), its cost counts for all the bases it spells: the sum over a
gene is exact for the way the tokenizer cuts it, and an upper bound on the cost of its letters, which other cuts spell
as well.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from genelm.modeling import is_causal, traits_of
from genelm.storage import InputError
from genelm.tokenization import BASES, BOS_ID, EOS_ID, PAD_ID, UNK_ID, VOCABULARY, encode

from .windows import WindowedModel

_PROBE = "".join(random.Random(0).choices(BASES, k=4096))
"""Letters in which a tokenizer that joins bases shows it."""


def adapt(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str, *, context: int | None = None
) -> torch.nn.Module:
    """Return a model that the scorer takes: the model itself over genelm's vocabulary, else an adapter around it.

    Args:
        model: a causal language model.
        tokenizer: its own.
        name: of the model, for errors.
        context: genes longer than the model's positions are read in windows with so many bases of context; where
            None, the scorer refuses them. A model without a fixed number of positions reads every gene whole.

    Raises:
        InputError: the tokenizer cannot spell genes, the model is not causal, or the context is too long.
    """
    letters = "ACGTN"
    probe = _ids(tokenizer, BASES * 6)[: traits_of(model).max_bases]
    if len(set(probe)) > 1 and not is_causal(model, probe):
        raise InputError(f"{name} sees the bases it is to predict, so it is no causal model; give one that is.")
    adapted: torch.nn.Module = model
    has_our_ids = _ids(tokenizer, letters, special=True) == [BOS_ID, *encode(letters).tolist()]
    if not has_our_ids or traits_of(model).vocab_size != len(VOCABULARY):
        try:
            single = _single_bases(tokenizer)
            adapted = SingleBaseModel(model, single) if single else MultiBaseModel(model, tokenizer)
        except ValueError as error:
            raise InputError(f"The tokenizer of {name} cannot spell genes: {error}; give a model of DNA.") from error
    if context is not None and isinstance(adapted, MultiBaseModel):
        raise InputError(f"{name} has tokens of several bases and reads genes whole; leave out the context.")
    if context is None or traits_of(adapted).max_tokens is None:
        return adapted
    return WindowedModel(adapted, context)


@dataclass(frozen=True)
class SingleBases:
    """Ids of a vocabulary in which every base is a token.

    Attributes:
        bases: of A, C, G, T.
        unknown: of any other letter, None where there is no such token.
        bos: of what the tokenizer puts before a gene, None where that is nothing.
        eos: of the end of a gene, None where there is none.
    """

    bases: tuple[int, ...]
    unknown: int | None
    bos: int | None
    eos: int | None


class SingleBaseModel(torch.nn.Module):
    """A causal model over another vocabulary of single bases, which takes and gives the ids of ours.

    Logits keep the whole softmax: what goes to tokens that we do not have stands under `[PAD]`. Without a symbol for
    the beginning, nothing comes before the first base, which is then a guess among four. Without one for the end, the
    end is impossible.
    """

    _table: torch.Tensor

    def __init__(self, model: PreTrainedModel, tokens: SingleBases) -> None:
        """Wrap a model."""
        super().__init__()
        self.model, self._tokens = model, tokens
        self.config: Any = model.config
        traits = traits_of(model)
        limit = traits.max_tokens
        if limit is not None and tokens.bos is None:
            limit += 1  # [BOS] takes no position there
        self.traits = replace(traits, max_tokens=limit, carries_state=False, is_adapted=True)
        table = [tokens.bases[0] if tokens.unknown is None else tokens.unknown] * len(VOCABULARY)
        table[-len(BASES) :] = tokens.bases
        if tokens.bos is not None:
            table[BOS_ID] = tokens.bos
        self.register_buffer("_table", torch.tensor(table, device=model.device), persistent=False)
        self.train(model.training)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    def forward(self, input_ids: torch.Tensor, **options: Any) -> SimpleNamespace:
        """Return `logits` over genelm's vocabulary, `[batch, length, 8]`, for its ids, `[batch, length]`."""
        if self._tokens.unknown is None and (input_ids == UNK_ID).any():
            raise InputError("This model has no token for letters but A, C, G and T; leave out genes with others.")
        theirs = self._table[input_ids]
        if self._tokens.bos is not None:
            return SimpleNamespace(logits=self._translate(self.model(input_ids=theirs, **options).logits))
        guess = torch.full((len(theirs), 1, len(VOCABULARY)), -torch.inf, device=theirs.device)
        guess[..., -len(BASES) :] = 0
        if theirs.shape[1] == 1:
            return SimpleNamespace(logits=guess)
        logits = self._translate(self.model(input_ids=theirs[:, 1:], **options).logits)
        return SimpleNamespace(logits=torch.cat([guess.to(logits.dtype), logits], dim=1))

    def _translate(self, theirs: torch.Tensor) -> torch.Tensor:
        used = [*self._tokens.bases, *([] if self._tokens.eos is None else [self._tokens.eos])]
        logits = theirs.new_full((*theirs.shape[:2], len(VOCABULARY)), -torch.inf)
        logits[..., -len(BASES) :] = theirs[..., list(self._tokens.bases)]
        if self._tokens.eos is not None:
            logits[..., EOS_ID] = theirs[..., self._tokens.eos]
        others = theirs.clone()
        others[..., used] = -torch.inf
        logits[..., PAD_ID] = others.logsumexp(dim=-1)
        return logits


class MultiBaseModel(torch.nn.Module):
    """A causal model whose tokens spell several bases; it is scored gene by gene, by `gene_totals`."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Wrap a model.

        Raises:
            ValueError: no token spells bases.
        """
        super().__init__()
        self.model, self._tokenizer = model, tokenizer
        special = set(tokenizer.all_special_ids)
        self._spelled = {
            number: text
            for token, number in tokenizer.get_vocab().items()
            if number not in special and (text := _letters(token)) and not set(text) - set(BASES)
        }
        if not self._spelled:
            raise ValueError("none of its tokens is made of A, C, G and T")
        self.config: Any = model.config
        # The number of positions of a token model does not bound the number of bases.
        self.traits = replace(
            traits_of(model), max_tokens=None, carries_state=False, one_token_per_base=False, is_adapted=True
        )
        self._bases = torch.tensor(sorted(self._spelled))
        self.train(model.training)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    @torch.no_grad()
    def gene_totals(self, sequences: Sequence[str], names: Sequence[str]) -> Iterator[npt.NDArray[np.float64]]:
        """Score genes.

        Args:
            sequences: genes as letters.
            names: of the genes, for errors.

        Yields:
            For each the columns of `scoring.GeneScores`, shape `[5]`, where a token takes the part of a base, and p is
            renormalised over the tokens that spell bases.

        Raises:
            InputError: the tokens of a gene do not spell it, or are too many for the model.
        """
        self.eval()
        for sequence, name in zip(sequences, names, strict=True):
            yield self._score(sequence.upper(), name)

    def _score(self, sequence: str, name: str) -> npt.NDArray[np.float64]:
        ids = _ids(self._tokenizer, sequence, special=True)
        spelling = [i for i, token in enumerate(ids) if token in self._spelled]
        first, end = (spelling[0], spelling[-1] + 1) if spelling else (0, 0)
        body = ids[first:end]  # before it stand marks of a beginning, after it of an end
        spelled = "".join(self._spelled.get(token, "?") for token in body)
        if spelled != sequence or not sequence:
            raise InputError(
                f"Gene {name} cannot be scored: this model's tokens spell {len(spelled.replace('?', '')):,} of its "
                f"{len(sequence):,} letters; leave out genes with letters that it does not know."
            )
        tokens = torch.tensor([[*ids[:first], *body]], device=self.device)
        limit = traits_of(self.model).max_tokens
        if limit is not None and tokens.shape[1] > limit:
            raise InputError(
                f"Gene {name} has {tokens.shape[1]:,} tokens, but this model reads {limit:,}; leave it out."
            )
        logits = self.model(input_ids=tokens, use_cache=False).logits[0].double().cpu()
        if not first:  # nothing comes before the first token: a guess among the four bases, letter by letter
            guess, guessed = math.log(4) * len(self._spelled[body[0]]), body[1:]
        else:
            guess, guessed = 0.0, body
        before = logits[max(first - 1, 0) : max(first - 1, 0) + len(guessed)]
        after = logits[-1]
        chosen = before[torch.arange(len(guessed)), guessed]
        any_base, whole = before[:, self._bases].logsumexp(-1), before.logsumexp(-1)
        base_nats = float((any_base - chosen).sum()) + guess
        whole_nats = float((whole - chosen).sum()) + guess
        eos = self._tokenizer.eos_token_id
        if eos is None:
            eos_nats = whole_eos = math.inf
        else:
            goes_on = torch.logaddexp(any_base, before[:, eos]) - any_base
            ends = torch.logaddexp(after[self._bases].logsumexp(-1), after[eos]) - after[eos]
            eos_nats = float(goes_on.sum() + ends)
            whole_eos = float(after.logsumexp(-1) - after[eos])
        return np.array([len(sequence), base_nats, eos_nats, whole_nats, whole_eos])


def _single_bases(tokenizer: PreTrainedTokenizerBase) -> SingleBases | None:
    """Find the ids of a tokenizer that gives each base a token of its own, or None where it does not.

    Raises:
        ValueError: the tokenizer knows no bases.
    """
    alone = [_ids(tokenizer, letter) for letter in BASES]
    one_each = all(len(ids) == 1 for ids in alone) and len({ids[0] for ids in alone if ids}) == len(BASES)
    if not one_each:
        return None
    bases = dict(zip(BASES, (ids[0] for ids in alone), strict=True))
    if tokenizer.unk_token_id in bases.values():
        raise ValueError("it takes a base for an unknown token")
    if _ids(tokenizer, _PROBE) != [bases[letter] for letter in _PROBE]:
        return None
    whole = _ids(tokenizer, BASES, special=True)
    place = next((i for i in range(len(whole)) if whole[i : i + 4] == list(bases.values())), None)
    if place is None or place > 1:
        raise ValueError(f"it turns {BASES} into {whole}")
    suffix = whole[place + 4 :]
    unknown = _ids(tokenizer, "N")
    return SingleBases(
        bases=tuple(bases.values()),
        unknown=unknown[0] if len(unknown) == 1 else None,
        bos=whole[0] if place else None,
        eos=suffix[0] if suffix else tokenizer.eos_token_id,
    )


def _ids(tokenizer: PreTrainedTokenizerBase, text: str, *, special: bool = False) -> list[int]:
    return list(tokenizer(text, add_special_tokens=special)["input_ids"])


def _letters(token: str) -> str:
    """Take off what tokenizers mark the beginning or the inside of a word with."""
    return token.removeprefix("##").removeprefix("▁").removeprefix("Ġ").upper()
