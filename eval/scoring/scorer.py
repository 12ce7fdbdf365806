"""The one scorer: what every causal model says of every base of every gene.

Every likelihood in genelm (perplexity, edits, validation in training, `genelm score`) comes from here. A base's score
is -ln p(base | `[BOS]`, bases before it, the gene goes on), with p renormalised over A, C, G, T; what the end symbol
costs is kept apart, so that the two add up to the code length of the gene under a model of A, C, G, T and the end.
Scores do not depend on batch size, batch neighbours or number of processes: genes are padded on the right, where a
causal model cannot look, and sums are taken per gene in float64.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genelm.modeling import STATE_NAME, traits_of
from genelm.storage import InputError, progress_bar
from genelm.tokenization import BASE_IDS, EOS_ID, VOCABULARY, encode

from .batches import gene_batches, sum_over_processes, this_process
from .score_cache import ScoreCache

FloatArray = npt.NDArray[np.float64]
_FIRST_BASE = BASE_IDS[0]

MAX_POSITIONS = 16_384
"""Positions of a batch, padding included, where nothing else is asked for."""

_KIND = "scores"
"""Under which the numbers of a gene are kept, the columns of `GeneScores`."""


@dataclass(frozen=True)
class GeneScores:
    """Scores of some genes in the order given; each array is `[n_genes]`, in nats unless it is a count.

    Attributes:
        n_bases: A, C, G and T positions that were scored; `[UNK]` is context only.
        base_nats: sum of -ln p(base | before, the gene goes on), renormalised over A, C, G, T.
        eos_nats: cost of the end: -ln p(end) after the last base, and -ln p(no end) before each base.
        whole_softmax_base_nats: sum of -ln p(base | before) over the whole softmax of the model.
        whole_softmax_eos_nats: -ln p(end) after the last base over the whole softmax.
    """

    n_bases: npt.NDArray[np.int64]
    base_nats: FloatArray
    eos_nats: FloatArray
    whole_softmax_base_nats: FloatArray
    whole_softmax_eos_nats: FloatArray


def score_genes(
    model: torch.nn.Module,
    sequences: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    max_positions: int = MAX_POSITIONS,
    description: str | None = None,
    cache: ScoreCache | None = None,
) -> GeneScores:
    """Score whole genes under a causal language model.

    Under several processes (`accelerate launch`) each scores its share, and every process gets all scores.

    Args:
        model: gives logits `[batch, length, 8]` from `input_ids` over the vocabulary of `genelm.tokenization`; `adapt`
            makes such a model of one over another vocabulary. It is run where it is.
        sequences: genes as letters.
        names: what an error calls each gene; its place in `sequences` where None.
        max_positions: positions of a batch, padding included; it bounds memory and changes no score.
        description: label of the progress bar; no bar where it is None.
        cache: where scores are kept as they are made, and looked up first; of one process only, under several it is
            left alone.

    Returns:
        The scores, one entry per gene.

    Raises:
        InputError: a gene is longer than the model has positions for, the model has another vocabulary, or there is
            one text instead of several genes.
    """
    check_vocabulary(model)
    encoded = _encode_all(sequences)
    check_lengths(model, [len(ids) for ids in encoded], names)
    state = this_process()
    cache = cache if state.num_processes == 1 else None
    n_totals = len(fields(GeneScores))
    totals = np.zeros((len(encoded), n_totals)) if cache is None else cache.read_rows(_KIND, encoded, n_totals)
    is_done = np.zeros(len(encoded), dtype=bool) if cache is None else ~np.isnan(totals[:, 0])

    def keep(gene: int, row: FloatArray) -> None:
        totals[gene] = row
        if cache is not None:
            cache.write_row(_KIND, encoded[gene], row)

    if not traits_of(model).one_token_per_base:
        whole_genes: Any = model  # an adapter that scores genes one by one
        mine = np.flatnonzero(~is_done)[state.process_index :: state.num_processes].tolist()
        called = names or [f"number {gene + 1}" for gene in range(len(sequences))]
        rows = whole_genes.gene_totals([sequences[gene] for gene in mine], [called[gene] for gene in mine])
        silent = description is None or not state.is_main_process
        for gene, row in zip(
            mine, progress_bar(rows, description, len(mine), leave=False, disable=silent), strict=True
        ):
            keep(gene, row)
    else:
        for batch, lengths, costs in _costs_of_batches(model, encoded, max_positions, description, is_done):
            for gene, row in zip(batch, _totals(costs, lengths), strict=True):
                keep(gene, row)
    n_bases, *nats = np.ascontiguousarray(sum_over_processes(totals).T)
    return GeneScores(n_bases.astype(np.int64), *nats)


def score_bases(
    model: torch.nn.Module,
    sequences: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    max_positions: int = MAX_POSITIONS,
    description: str | None = None,
) -> list[FloatArray]:
    """Score each base of each gene, in one process.

    Args:
        model: what `score_genes` takes.
        sequences: genes as letters.
        names: what an error calls each gene; its place in `sequences` where None.
        max_positions: positions of a batch, padding included; it bounds memory and changes no score.
        description: label of the progress bar; no bar where it is None.

    Returns:
        For each gene -ln p(base | before, the gene goes on) in nats, `[length]`, NaN at `[UNK]`.

    Raises:
        InputError: as for `score_genes`, or a token of the model spells several bases.
    """
    if not traits_of(model).one_token_per_base:
        raise InputError("A token of this model spells several bases, so no base has a score; score whole genes.")
    check_vocabulary(model)
    encoded = _encode_all(sequences)
    check_lengths(model, [len(ids) for ids in encoded], names)
    scores: list[FloatArray] = [np.empty(0)] * len(encoded)
    for batch, lengths, costs in _costs_of_batches(model, encoded, max_positions, description):
        for gene, length, row in zip(batch, lengths, costs["base"], strict=True):
            scores[gene] = row[:length].copy()
    return scores


def _encode_all(sequences: Sequence[str]) -> list[npt.NDArray[np.uint8]]:
    if isinstance(sequences, str):
        raise InputError(f"Give a list of genes, such as [{sequences[:12]!r}]; each letter of a text would be a gene.")
    return [encode(sequence) for sequence in sequences]


def check_lengths(model: torch.nn.Module, lengths: Sequence[int], names: Sequence[str] | None = None) -> None:
    """Refuse genes that a model with a fixed number of positions cannot read.

    Args:
        model: what `score_genes` takes.
        lengths: bases of each gene.
        names: what the error calls each gene.

    Raises:
        InputError: names the first gene that is too long.
    """
    traits = traits_of(model)
    for gene, length in enumerate(lengths):
        if traits.max_bases is not None and length > traits.max_bases:
            name = names[gene] if names is not None else f"number {gene + 1}"
            raise InputError(
                f"Gene {name} has {length} bases, but this {traits.model_type} reads at most {traits.max_bases} (it "
                f"has {traits.max_tokens} positions, one for [BOS]); leave the gene out, train with more positions, "
                "read it in windows (--context), or use a recurrent or n-gram model."
            )


def check_vocabulary(model: torch.nn.Module) -> None:
    """Refuse a network over another vocabulary, whose tokens would be taken for bases.

    Args:
        model: what `score_genes` takes, or a network that nothing has adapted.

    Raises:
        InputError: the vocabulary has another size.
    """
    traits = traits_of(model)
    if not traits.is_adapted and traits.vocab_size not in (None, len(VOCABULARY)):
        raise InputError(
            f"This {traits.model_type} has a vocabulary of {traits.vocab_size:,} tokens, not genelm's "
            f"{len(VOCABULARY)}, so its tokens are no bases; load it with its tokenizer, by genelm.load, which adapts "
            "it."
        )


def _costs_of_batches(
    model: torch.nn.Module,
    encoded: list[npt.NDArray[np.uint8]],
    max_positions: int,
    description: str | None,
    is_done: npt.NDArray[np.bool_] | None = None,
) -> Iterator[tuple[list[int], npt.NDArray[np.int64], dict[str, FloatArray]]]:
    """Run the model over the genes of this process.

    Yields:
        The positions in `encoded` of the genes of a batch, the letters of each, and what `_costs` says of them.
    """
    for batch, tokens in gene_batches(model, encoded, max_positions, description, is_done):
        with torch.no_grad():
            logits = _logits(model, tokens, max_positions).cpu().double()
        if logits.isnan().any():
            raise InputError("the model gives NaN logits; its weights are damaged or its training diverged.")
        if logits.shape[-1] != len(VOCABULARY):
            raise InputError(
                f"The model gives {logits.shape[-1]} logits a position, not one for each of genelm's "
                f"{len(VOCABULARY)} tokens; load it by genelm.load, which adapts it."
            )
        costs = _costs(logits, tokens.cpu())
        lengths = np.array([len(encoded[gene]) for gene in batch], dtype=np.int64)
        yield batch, lengths, {name: cost[: len(batch)] for name, cost in costs.items()}


def _logits(model: torch.nn.Module, tokens: torch.Tensor, max_positions: int) -> torch.Tensor:
    """Run the model, over genes longer than a batch piece by piece where it carries a state from one to the next."""
    if tokens.shape[1] <= max_positions or not traits_of(model).carries_state:
        logits: torch.Tensor = model(input_ids=tokens, use_cache=False).logits
        return logits
    state, parts = None, []
    for part in tokens.split(max_positions, dim=1):
        output = model(input_ids=part, past_key_values=state, use_cache=True)
        state = output[STATE_NAME]
        parts.append(output.logits)
    return torch.cat(parts, dim=1)


def _costs(logits: torch.Tensor, tokens: torch.Tensor) -> dict[str, FloatArray]:
    """Return what the next base and the end cost at each position.

    Args:
        logits: `[batch, length, vocabulary]`, float64.
        tokens: what the model was given, `[BOS]` first, `[batch, length]`.

    Returns:
        Nats, `[batch, length]` each; those of bases are one shorter, and NaN where there is none.
    """
    whole = logits.logsumexp(dim=-1)
    four = logits[..., _FIRST_BASE : _FIRST_BASE + 4]
    any_base = four.logsumexp(dim=-1)
    end = logits[..., EOS_ID]
    goes_on_or_ends = torch.logaddexp(any_base, end)
    column = tokens[:, 1:] - _FIRST_BASE
    picked = four[:, :-1].gather(-1, column.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    costs = {
        "base": any_base[:, :-1] - picked,
        "whole_base": whole[:, :-1] - picked,
        "goes_on": goes_on_or_ends - any_base,
        "ends": goes_on_or_ends - end,
        "whole_eos": whole - end,
    }
    # Where everything is impossible (an n-gram without smoothing), 0 / 0 is infinitely surprising.
    costs = {name: cost.nan_to_num_(nan=torch.inf, posinf=torch.inf) for name, cost in costs.items()}
    for name in ("base", "whole_base"):
        costs[name][column < 0] = torch.nan
    return {name: cost.numpy() for name, cost in costs.items()}


def _totals(costs: dict[str, FloatArray], lengths: npt.NDArray[np.int64]) -> FloatArray:
    """Sum costs by gene: the columns of `GeneScores`, shape `[n_genes, 5]`."""
    is_letter = np.arange(costs["base"].shape[1]) < lengths[:, None]
    is_base = is_letter & ~np.isnan(costs["base"])
    n_bases, end = is_base.sum(axis=1), (np.arange(len(lengths)), lengths)
    return np.stack(
        [
            n_bases.astype(np.float64),
            _sums(costs["base"][is_base], n_bases),
            _sums(costs["goes_on"][:, :-1][is_letter], lengths) + costs["ends"][end],
            _sums(costs["whole_base"][is_base], n_bases),
            costs["whole_eos"][end],
        ],
        axis=1,
    )


def _sums(values: FloatArray, sizes: npt.NDArray[np.int64]) -> FloatArray:
    """Sum groups of so many values, one after the other, each to the bits that it would have alone.

    Sums over rows with their padding would differ in the last bit from batch to batch, and decide what is a tie.
    """
    sums = np.zeros(len(sizes))
    filled = sizes > 0
    starts = (np.cumsum(sizes) - sizes)[filled]
    if len(starts):
        sums[filled] = np.add.reduceat(values, starts)
    return sums


def log_odds(scores: GeneScores) -> FloatArray:
    """Return how much better than uniform bases each sequence is predicted: `n ln 4 + ln p(bases)`.

    Sequences of one length are ordered as by their probability, and a model that knows nothing gives 0 whatever the
    length.

    Returns:
        Nats, shape `[n_genes]`.
    """
    return scores.n_bases * math.log(4) - scores.base_nats
