"""Fit what an n-gram model with an index learns beyond counts: how far to trust which of them."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch

from genelm.storage import progress_bar

from .configuration_gene_ngram import INDEX_SMOOTHINGS, MAX_INDEX_ORDER, GeneNGramConfig
from .modeling_gene_ngram import BOS_ID, EOS_ID, GeneNGramForCausalLM, in_threads
from .ngram_heads import RAREST_HIT, SUREST_HIT, InterpolatedHead, MixtureHead
from .ngram_scan import COPY_STATES, Features

POSITIONS_AT_ONCE, GENES_PADDED = 100_000, 16
"""Places whose features are held at once, which bounds memory, and genes that are padded to one length."""

TABLE_ORDER = 8
"""Of a table where none is asked for: the paper's. That of an index is the longest."""

_IGNORED = -100


def default_config(smoothing: str, **given: Any) -> GeneNGramConfig:
    """Fill in what is not given and depends on the smoothing: the order, and which strands are counted.

    Raises:
        ValueError: there is no such model.
    """
    usual: dict[str, Any] = {"order": TABLE_ORDER}
    if smoothing in INDEX_SMOOTHINGS:
        usual = {"order": MAX_INDEX_ORDER, "both_strands": True}
    return GeneNGramConfig(smoothing=smoothing, **usual | given)


def fit_head(
    model: GeneNGramForCausalLM, genes: Sequence[torch.Tensor], *, seed: int = 0, silent: bool = False
) -> float:
    """Fit the numbers of the head on genes that were not counted; the counts stay as they are.

    Minimises nats per base and end by AdamW with one cycle of the learning rate, in a few passes over the genes. The
    same genes, seed and number of threads give the same numbers on the same machine.

    Args:
        model: with an index, on a CPU.
        genes: token ids of one gene each, `[length]`, without `[BOS]` and `[EOS]`; of a validation split.
        seed: of the order of genes and positions, and of the network's first weights.
        silent: show no progress bar.

    Returns:
        Bits per base and end over the last pass, while it was still learning.

    Raises:
        ValueError: there is no gene, nothing to fit, or the fit fails.
    """
    if not model.config.has_index:
        raise ValueError(f"{model.config.smoothing!r} has no weights to fit; it is done once genes are counted")
    if model.device.type != "cpu":
        raise ValueError(f"the model is on {model.device}; weights are fitted on a CPU, move it there first")
    if not genes:
        raise ValueError("weights are fitted on genes that were not counted, but there is none")
    head: InterpolatedHead | MixtureHead = model.head
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        head.reset_parameters()
        num_positions = sum(len(gene) + 1 for gene in genes)
        bar = progress_bar(
            total=num_positions * (head.epochs + isinstance(head, MixtureHead)),
            desc="fitting weights",
            unit="bases",
            unit_scale=True,
            disable=silent,
        )
        if isinstance(head, MixtureHead):
            copy_counts = torch.zeros(COPY_STATES, 2, dtype=torch.int64)
            for batch in _batches(genes, range(len(genes))):
                copy_counts += sum(in_threads(partial(_count_copies, model), list(_padded(batch))))
                bar.update(sum(len(gene) + 1 for gene in batch))
            hits, tried = copy_counts[:, 1] + 1, copy_counts[:, 0] + 3
            head.hit_rates.copy_((hits / tried).clamp(RAREST_HIT, SUREST_HIT))
        head.requires_grad_(True)
        optimizer = torch.optim.AdamW(head.parameters(), lr=head.learning_rate, weight_decay=1e-4)
        step_size, positions_done, bits = head.learning_rate, 0, 0.0
        for _ in range(head.epochs):
            nats, num_targets = 0.0, 0
            for batch in _batches(genes, torch.randperm(len(genes)).tolist()):
                features, targets = _features_of(model, batch)
                for positions in torch.randperm(len(targets)).split(head.positions_per_step):
                    for group in optimizer.param_groups:
                        group["lr"] = step_size * _one_cycle(positions_done / (num_positions * head.epochs))
                    predicted = head(Features(*(part[positions] for part in features)))
                    loss = torch.nn.functional.nll_loss(predicted, targets[positions], reduction="sum")
                    optimizer.zero_grad()
                    (loss / len(positions)).backward()
                    optimizer.step()
                    positions_done += len(positions)
                    nats += loss.item()
                num_targets += int((targets != _IGNORED).sum())
                bar.update(len(targets))
            bits = nats / math.log(2) / max(num_targets, 1)
        bar.close()
        head.requires_grad_(False)
    if not math.isfinite(bits):
        raise ValueError("the fit of the weights diverged; count other genes, or report these")
    return bits


def _one_cycle(progress: float) -> float:
    """Return the share of the learning rate: up in the first tenth, then down as a cosine."""
    return progress / 0.1 if progress < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (progress - 0.1) / 0.9)


def _batches(genes: Sequence[torch.Tensor], order: Sequence[int]) -> Iterator[list[torch.Tensor]]:
    """Yield the genes in an order, some `POSITIONS_AT_ONCE` at a time, those of a batch sorted by length."""
    batch: list[torch.Tensor] = []
    positions = 0
    for gene in order:
        batch.append(genes[gene])
        positions += len(genes[gene]) + 1
        if positions >= POSITIONS_AT_ONCE:
            yield sorted(batch, key=len)
            batch, positions = [], 0
    if batch:
        yield sorted(batch, key=len)


def _padded(genes: list[torch.Tensor]) -> Iterator[tuple[list[torch.Tensor], torch.Tensor]]:
    """Yield some of the genes and their ids, `[BOS]` first, `[EOS]` wherever they have ended."""
    for first in range(0, len(genes), GENES_PADDED):
        some = [
            torch.nn.functional.pad(gene.long(), (1, 0), value=BOS_ID) for gene in genes[first : first + GENES_PADDED]
        ]
        yield genes[first : first + GENES_PADDED], torch.nn.utils.rnn.pad_sequence(some, True, EOS_ID)


def _count_copies(model: GeneNGramForCausalLM, padded: tuple[list[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Count the predictions of copies in each state, and how many were right."""
    copy_counts = torch.zeros(COPY_STATES, 2, dtype=torch.int64)
    model.extract_features(padded[1], copy_counts=copy_counts)
    return copy_counts


def _features_of(model: GeneNGramForCausalLM, genes: list[torch.Tensor]) -> tuple[Features, torch.Tensor]:
    """Return the features of every position of the genes, `[positions, ...]`, and the outcome that came there."""
    groups = list(_padded(genes))
    features, targets = [], []
    for (some, _), (seen, _) in zip(
        groups, in_threads(lambda group: model.extract_features(group[1]), groups), strict=True
    ):
        for row, gene in enumerate(some):
            features.append(Features(*(part[row, : len(gene) + 1] for part in seen)))
            outcome = torch.nn.functional.pad(gene.long(), (0, 1), value=EOS_ID) - EOS_ID
            targets.append(torch.where(outcome < 0, _IGNORED, outcome))
    return Features(*map(torch.cat, zip(*features, strict=True))), torch.cat(targets)
