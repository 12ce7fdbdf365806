"""What the training genes, and the gene itself so far, say of the next base at each place of a gene.

The file stands alone: it travels to the Hub beside the model. There are two forms of the scan: in torch, over all
genes of a batch at once, for any device; and compiled (`ngram_compiled.py`), for a CPU with numba. A test holds them
together.

Copies: where the last `SEED` bases stand in the training genes, the base that followed there is a prediction, and so
is the one after it, and so on, until too many have failed. A substitution so costs one prediction, where a context
that must be equal is lost for its whole length. Up to `SLOTS` copies are followed at once (Cao et al., A simple
statistical algorithm for biological sequence compression, DCC 2007, call them copy experts).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from .ngram_index import BOUNDARY, FIELDS, FIRST_BASE, ContextIndex, count_bits

try:
    from .ngram_compiled import scan as _numba_scan
except ImportError:
    compiled_scan: Callable[..., None] | None = None
else:
    compiled_scan = _numba_scan

SEED = 12
"""Bases of a context from which copies begin: shorter ones are found anywhere by chance."""

SLOTS = 16
"""Copies that are followed at once."""

MOST_MISSES = (18, 20)
"""In the last 32 bases, of a copy that begins and of one that goes on; chance alone makes 24."""

RUN_CLASS = (0, 1, 2, 3, 4, 4, 5, 5, *[6] * 4, *[7] * 4, *[8] * 4, *[9] * 4, *[10] * 8, 11)
"""How copies are told apart by hits in a row, 0 to 32,"""

RECENT = 10
"""by misses in the last 16 bases, from so many on no more,"""

OLDER_CLASS = (0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5)
"""and by misses in the 16 before, 0 to 16."""

COPY_STATES = (RUN_CLASS[-1] + 1) * (RECENT + 1) * (OLDER_CLASS[-1] + 1)

_EMPTY = -1
_ALL_MISSED = (1 << 32) - 1


class FeatureSpec(NamedTuple):
    """What a scan extracts.

    Attributes:
        contexts: lengths of contexts whose counts are wanted, growing.
        sense_contexts: lengths of contexts whose counts on the sense strand alone are wanted, none longer than those
            of `contexts`.
        own_contexts: lengths of contexts within the sequence itself; empty where it is not counted.
        copies: whether copies are followed.
        beginning_once: of the contexts that reach beyond the beginning of the gene, which all say what genes do that
            begin like it, only the shortest is looked at.
    """

    contexts: tuple[int, ...]
    sense_contexts: tuple[int, ...]
    own_contexts: tuple[int, ...] = ()
    copies: bool = False
    beginning_once: bool = False

    @property
    def num_sources(self) -> int:
        """How many sources have a say on each base."""
        return len(self.contexts) + len(self.own_contexts) + 2 * self.copies


class Features(NamedTuple):
    """What was seen before each position; counts as floating-point numbers.

    Attributes:
        counts: of A, C, G, T after each context; after each context in the gene so far, on both strands; and, where
            copies are followed, the sum and the largest of their odds for each base; `[batch, length, sources, 4]`.
        sense_counts: of the end, A, C, G, T on the sense strand alone, `[batch, length, sense contexts, 5]`.
        copy_logits: sum of the copies' log-odds for A, C, G, T, `[batch, length, 4]`.
    """

    counts: torch.Tensor
    sense_counts: torch.Tensor
    copy_logits: torch.Tensor


class ScanState(NamedTuple):
    """What the scan carries from position to position.

    Attributes:
        seen: symbols of the gene so far, uint8, `[batch, seen]`.
        rows: first row, and the row after the last, of the context of each length, `[batch, longest context + 1, 2]`.
        copies: place in the text of the next base, -1 for none, and the misses among the last 32 bases as bits, the
            last base lowest, `[batch, slots, 2]`.
    """

    seen: torch.Tensor
    rows: torch.Tensor
    copies: torch.Tensor


def first_state(index: ContextIndex, spec: FeatureSpec, batch: int) -> ScanState:
    """Return the state at the beginning of so many genes."""
    device = index.text.device
    rows = torch.zeros(batch, spec.contexts[-1] + 1, 2, dtype=torch.int64, device=device)
    rows[:, 0, 1] = index.size
    rows[:, 1:, 1] = index.first_rows[1]
    copies = torch.full((batch, SLOTS if spec.copies else 0, 2), _EMPTY, dtype=torch.int64, device=device)
    return ScanState(torch.zeros(batch, 0, dtype=torch.uint8, device=device), rows, copies)


def scan(
    index: ContextIndex,
    spec: FeatureSpec,
    symbols: torch.Tensor,
    log_odds: torch.Tensor,
    *,
    state: ScanState | None = None,
    keep: int = 0,
    copy_counts: torch.Tensor | None = None,
) -> tuple[Features, ScanState]:
    """Scan some genes.

    Args:
        index: of the training genes; on the device of everything else.
        spec: what to look at.
        symbols: of the genes, `[batch, length]`; a boundary before the gene changes nothing.
        log_odds: by state of a copy, of its next base against each of the others, `[COPY_STATES]`.
        state: to go on from; the beginning of the genes where None.
        keep: give features for this many last positions only; 0 for all.
        copy_counts: int64, `[COPY_STATES, 2]`: to it are added how many predictions copies in each state made and how
            many were right. On a CPU with numba only.

    Returns:
        What was seen before the place after each symbol, and the state after the last.

    Raises:
        ValueError: predictions are to be counted, but there is no numba, or the genes are not on a CPU.
    """
    if state is None:
        state = first_state(index, spec, len(symbols))
    keep = min(keep or symbols.shape[1], symbols.shape[1])
    if compiled_scan is not None and symbols.device.type == "cpu":
        features, state = _scan_compiled(compiled_scan, index, spec, symbols, log_odds, state, keep, copy_counts)
    elif copy_counts is not None:
        raise ValueError("predictions of copies are counted on a CPU with numba alone; install numba")
    else:
        features, state = _scan_in_torch(index, spec, symbols, log_odds, state, keep)
    if spec.beginning_once:
        _leave_out_repeated_beginnings(features, spec, state.seen)
    return features, state


def _leave_out_repeated_beginnings(features: Features, spec: FeatureSpec, seen: torch.Tensor) -> None:
    """Empty the counts of all contexts but the shortest that reach beyond the beginning of the gene."""
    positions = torch.arange(seen.shape[1], device=seen.device)
    begun = torch.where(seen == BOUNDARY, positions, -1).cummax(dim=1).values
    bases = (positions - begun)[:, -features.counts.shape[1] :]
    rows, columns = (bases + 1 < spec.contexts[-1]).nonzero().unbind(dim=1)
    longest = bases[rows, columns, None] + 1
    for counts, contexts in ((features.counts, spec.contexts), (features.sense_counts, spec.sense_contexts)):
        is_repeated = torch.tensor(contexts, device=seen.device) > longest
        some = counts[rows, columns]
        some[:, : len(contexts)].masked_fill_(is_repeated[..., None], 0)
        counts[rows, columns] = some


def _scan_compiled(
    compiled: Callable[..., None],
    index: ContextIndex,
    spec: FeatureSpec,
    symbols: torch.Tensor,
    log_odds: torch.Tensor,
    state: ScanState,
    keep: int,
    copy_counts: torch.Tensor | None,
) -> tuple[Features, ScanState]:
    """Scan on the CPU, on one thread."""
    batch, length = symbols.shape
    seen = torch.nn.functional.pad(state.seen, (0, length))
    new_state = ScanState(seen, state.rows.clone(), state.copies.clone())
    features = Features(
        torch.zeros(batch, keep, spec.num_sources, 4),
        torch.zeros(batch, keep, len(spec.sense_contexts), 5),
        torch.zeros(batch, keep, 4),
    )
    if copy_counts is None:
        copy_counts = torch.zeros(0, 2, dtype=torch.int64)
    compiled(
        symbols.to(torch.uint8).numpy(),
        state.seen.shape[1],
        *(tensor.numpy() for tensor in new_state),
        *(buffer.numpy() for buffer in (index.text, index.places, index.first_rows, index.blocks)),
        np.array(spec.contexts),
        np.array(spec.sense_contexts),
        np.array(spec.own_contexts, dtype=np.int64),
        SEED,
        MOST_MISSES,
        np.array(RUN_CLASS),
        np.array(OLDER_CLASS),
        RECENT,
        log_odds.float().numpy(),
        copy_counts.numpy(),
        *(tensor.numpy() for tensor in features),
    )
    return features, new_state


def _scan_in_torch(
    index: ContextIndex, spec: FeatureSpec, symbols: torch.Tensor, log_odds: torch.Tensor, state: ScanState, keep: int
) -> tuple[Features, ScanState]:
    """Scan on any device, place after place, all genes at once."""
    length = symbols.shape[1]
    kept: list[Features] = []
    symbols = symbols.to(torch.uint8)
    for i in range(length):
        state = _step(index, spec, symbols[:, i], state)
        if i >= length - keep:
            kept.append(_extract_features(index, spec, log_odds, state))
    return Features(*(torch.stack(parts, dim=1) for parts in zip(*kept, strict=True))), state


def _step(index: ContextIndex, spec: FeatureSpec, symbol: torch.Tensor, state: ScanState) -> ScanState:
    """Go on by one symbol a gene, `[batch]`."""
    is_base = symbol >= FIRST_BASE
    is_boundary = symbol == BOUNDARY
    base = (symbol.long() - FIRST_BASE).clamp(min=0)

    place, misses = state.copies.unbind(-1)
    predicted = index.text[place.clamp(min=0)]
    missed = (predicted != symbol[:, None]) | ~is_base[:, None]
    misses = ((misses << 1) & _ALL_MISSED) | missed
    ends = (place == _EMPTY) | (predicted < FIRST_BASE) | is_boundary[:, None] | (count_bits(misses) > MOST_MISSES[1])
    place = torch.where(ends, _EMPTY, place + 1)

    counted = index.counts_before(state.rows[:, :-1])  # [batch, contexts, 2, FIELDS]
    field = (base + 1)[:, None, None, None].expand(*counted.shape[:-1], 1)
    longer = counted.gather(-1, field).squeeze(-1) + index.first_rows[symbol.long()][:, None, None]
    is_empty = (state.rows[:, :-1, 0] == state.rows[:, :-1, 1]) | ~is_base[:, None]
    longer = longer.masked_fill(is_empty[..., None], 0)
    at_boundary = torch.stack([torch.zeros_like(index.first_rows[1]), index.first_rows[1]])
    longer = torch.where(is_boundary[:, None, None], at_boundary, longer)
    rows = torch.cat([state.rows[:, :1], longer], dim=1)

    seen = torch.cat([state.seen, symbol[:, None]], dim=1)
    copies = torch.stack([place, misses], dim=-1)
    if spec.copies:
        copies = _begin_copies(index, seen, rows, copies)
    return ScanState(seen, rows, copies)


def _begin_copies(index: ContextIndex, seen: torch.Tensor, rows: torch.Tensor, copies: torch.Tensor) -> torch.Tensor:
    """Begin up to two copies from the positions of the longest context that has any."""
    genes = torch.arange(len(seen), device=seen.device)
    distance = torch.arange(32, device=seen.device)
    first_slots = torch.arange(SLOTS, 0, -1, device=seen.device)  # of equals, the first
    longest = (rows[..., 0] < rows[..., 1]).long().cumprod(dim=1).sum(dim=1) - 1
    low, high = rows[genes, longest].unbind(-1)
    bases = torch.where(seen < FIRST_BASE, 255, seen)  # nothing equals what is no base
    window = torch.nn.functional.pad(bases[:, -32:].flip(1), (0, max(32 - seen.shape[1], 0)), value=255)
    for candidate in range(2):
        wanted = (longest >= SEED) & (high - low > candidate)
        place = index.places[torch.where(wanted, low + candidate * ((high - low) // 2), 0)].long()
        before = place[:, None] - 1 - distance
        missed = (index.text[before.clamp(min=0)] != window) | (before < 0)
        misses = (missed.long() << distance).sum(dim=1)
        fits = wanted & (missed.sum(dim=1) <= MOST_MISSES[0]) & (copies[..., 0] != place[:, None]).all(dim=1)
        most = torch.where(copies[..., 0] == _EMPTY, 33, count_bits(copies[..., 1]))
        worst = (most * SLOTS + first_slots).argmax(dim=1)
        fits &= most[genes, worst] > missed.sum(dim=1)
        begun = torch.stack([place, misses], dim=-1)
        copies = copies.clone()
        copies[genes, worst] = torch.where(fits[:, None], begun, copies[genes, worst])
    return copies


def _extract_features(index: ContextIndex, spec: FeatureSpec, log_odds: torch.Tensor, state: ScanState) -> Features:
    """Return what is seen from here, one place a gene."""
    bounds = index.counts_before(state.rows)
    counted = (bounds[:, :, 1] - bounds[:, :, 0]).float()
    sense = counted[:, list(spec.sense_contexts)]
    sense = torch.cat([sense[..., :1], sense[..., 5:FIELDS]], dim=-1)
    sources = [counted[:, list(spec.contexts), 1:5]]
    of_copies = torch.zeros(len(state.seen), 3, 4, device=state.seen.device)
    if spec.own_contexts:
        sources.append(_own_counts(state.seen, spec.own_contexts))
    if spec.copies:
        place, misses = state.copies.unbind(-1)
        predicted = index.text[place.clamp(min=0)].long()
        is_copied = (place != _EMPTY) & (predicted >= FIRST_BASE)
        weight = torch.where(is_copied, log_odds.float()[_states_of(misses)], 0)
        odds = torch.where(is_copied, weight.exp() / 3, 0)
        base = (predicted - FIRST_BASE).clamp(min=0)
        of_copies[:, 0].scatter_add_(1, base, weight)
        of_copies[:, 1].scatter_add_(1, base, odds)
        of_copies[:, 2].scatter_reduce_(1, base, odds, "amax")
        sources.append(of_copies[:, 1:])
    return Features(torch.cat(sources, dim=1), sense, of_copies[:, 0])


def _own_counts(seen: torch.Tensor, contexts: tuple[int, ...]) -> torch.Tensor:
    """Count what followed the contexts here in the gene so far, on both strands, `[batch, contexts, 4]`."""
    longest = contexts[-1]
    padded = torch.nn.functional.pad(seen, (longest, longest), value=BOUNDARY)
    here = torch.where(seen < FIRST_BASE, 255, seen)[:, -longest:].flip(1)
    here = torch.nn.functional.pad(here, (0, longest - here.shape[1]), value=255)
    before = padded.unfold(1, longest, 1)[:, : seen.shape[1]].flip(2)  # [batch, seen, longest], the nearest first
    after = padded.unfold(1, longest, 1)[:, longest + 1 : longest + 1 + seen.shape[1]]
    after = torch.nn.functional.pad(after, (0, 0, 0, seen.shape[1] - after.shape[1]))
    bases = torch.arange(FIRST_BASE, FIRST_BASE + 4, device=seen.device)
    counts = torch.zeros(len(seen), len(contexts), 4, device=seen.device)
    for around, following in ((before, bases), (7 - after, bases.flip(0))):
        equal = (around == here[:, None]).long().cumprod(dim=2).sum(dim=2)
        is_long = (equal[:, None] >= torch.tensor(contexts, device=seen.device)[:, None]).float()
        counts += is_long @ (seen[..., None] == following).float()
    return counts


def _states_of(misses: torch.Tensor) -> torch.Tensor:
    """Number how well each copy has done."""
    run = count_bits((misses & -misses) - 1 & _ALL_MISSED)  # bits below the lowest one that is set
    recent = count_bits(misses & 0xFFFF).clamp(max=RECENT)
    run_class = torch.tensor(RUN_CLASS, device=misses.device)[run]
    older = torch.tensor(OLDER_CLASS, device=misses.device)[count_bits(misses >> 16 & 0xFFFF)]
    return (run_class * (RECENT + 1) + recent) * (OLDER_CLASS[-1] + 1) + older


__all__ = ["COPY_STATES", "SEED", "FeatureSpec", "Features", "ScanState", "scan"]
