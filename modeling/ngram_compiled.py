"""The scan of `ngram_scan.py`, compiled by numba for a CPU: the same numbers, some hundred times as fast.

It is one file because numba keeps compiled code until the file it came from changes, and looks at no other. It travels
to the Hub beside the model, where it is left aside if numba is not installed.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

try:  # on the Hub, what is imported outside of a `try` has to be installed
    import numba
    from numba.extending import intrinsic
except ImportError:
    raise

_Function = TypeVar("_Function", bound=Callable)
_BOUNDARY, _FIRST_BASE, _EMPTY = 0, 2, -1
_CHAINED = 6
_NUM_CHAINS = 4**_CHAINED


def compiled(function: _Function) -> _Function:
    """Compile with numba, which keeps the code for later processes where it finds a folder that it may write."""
    try:
        return cast(_Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:
        return cast(_Function, numba.njit(nogil=True)(function))


def _generate_bits(context: Any, number: Any) -> Any:
    return number(number), lambda _context, builder, _signature, arguments: builder.ctpop(arguments[0])


_bits = cast(Callable[[Any], int], intrinsic(_generate_bits))
"""How many bits of a number are set: one instruction."""


@compiled
def _next_row(blocks: npt.NDArray[np.int32], first_row: int, row: int, base: int) -> int:
    """Return the first row of the context that is one base longer, for the first row of this one; so for the last."""
    block, mask = row >> 5, (1 << (row & 31)) - 1
    low = blocks[block, 9] if base & 1 else ~blocks[block, 9]
    high = blocks[block, 10] if base & 2 else ~blocks[block, 10]
    return first_row + blocks[block, 1 + base] + _bits(np.int64(low & high & blocks[block, 11]) & mask)


@compiled
def _write_counts(
    blocks: npt.NDArray[np.int32], first: int, last: int, sense_only: bool, counts: npt.NDArray[np.float32]
) -> None:
    """Count the bases that followed in the rows from one up to another, `[4]`."""
    one, other = first >> 5, last >> 5
    low, other_low = np.int64(blocks[one, 9]), np.int64(blocks[other, 9])
    high, other_high = np.int64(blocks[one, 10]), np.int64(blocks[other, 10])
    counted = blocks[one, 11] & ((1 << (first & 31)) - 1)
    other_counted = blocks[other, 11] & ((1 << (last & 31)) - 1)
    field = 1
    if sense_only:
        counted, other_counted, field = counted & blocks[one, 12], other_counted & blocks[other, 12], 5
    for base in range(4):
        flip_low, flip_high = (base & 1) - 1, (base >> 1) - 1
        bits = counted & (low ^ flip_low) & (high ^ flip_high)
        other_bits = other_counted & (other_low ^ flip_low) & (other_high ^ flip_high)
        counts[base] = blocks[other, field + base] - blocks[one, field + base] + _bits(other_bits) - _bits(bits)


@compiled
def _ends_before(blocks: npt.NDArray[np.int32], row: int) -> int:
    """Count the genes that end in the rows before one."""
    block, mask = row >> 5, (1 << (row & 31)) - 1
    return blocks[block, 0] + _bits(np.int64(blocks[block, 12] & ~blocks[block, 11]) & mask)


@compiled
def _state_of(misses: int, run_class: npt.NDArray[np.int64], older_class: npt.NDArray[np.int64], recent: int) -> int:
    """Number how well a copy has done: since its last miss, in its last 16 bases, and in the 16 before."""
    lowest_miss = (misses | 1 << 32) & -(misses | 1 << 32)
    run = run_class[_bits(lowest_miss - 1)]
    num_older = older_class[-1] + 1
    return (run * (recent + 1) + min(recent, _bits(misses & 0xFFFF))) * num_older + older_class[_bits(misses >> 16)]


@compiled
def _enter_own(
    seen: npt.NDArray[np.uint8],
    now: int,
    contexts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    tables: npt.NDArray[np.int32],
    chains: npt.NDArray[np.int32],
    rolling: npt.NDArray[np.int64],
) -> None:
    """Count the base at `now` after its contexts, and the base on the other strand whose contexts end at `now`.

    Contexts of up to `_CHAINED` bases have tables. Places after equal contexts of just so many are chained, so that
    the longer ones are found among them: each strand has the last place of each context, then for each place the one
    before. `rolling` holds the context here, that on the other strand, and how many bases stand here in a row.
    """
    symbol = int(seen[now])
    code, other_code, run = rolling
    if symbol < _FIRST_BASE:
        rolling[:] = 0
        return
    base = symbol - _FIRST_BASE
    other_code = other_code >> 2 | (3 - base) << 2 * (_CHAINED - 1)
    for column in range(len(contexts)):
        k = contexts[column]
        if k > _CHAINED:
            break
        if run >= k:
            tables[offsets[column] + 4 * (code & ((1 << 2 * k) - 1)) + base] += 1
            other_base = 3 - (int(seen[now - k]) - _FIRST_BASE)
            tables[offsets[column] + 4 * (other_code >> 2 * (_CHAINED - k)) + other_base] += 1
    if run >= _CHAINED:
        chains[0, _NUM_CHAINS + now] = chains[0, code]
        chains[0, code] = now
        chains[1, _NUM_CHAINS + now - _CHAINED] = chains[1, other_code]
        chains[1, other_code] = now - _CHAINED
    rolling[0] = (code << 2 | base) & (_NUM_CHAINS - 1)
    rolling[1], rolling[2] = other_code, run + 1


@compiled
def _look_own(
    seen: npt.NDArray[np.uint8],
    now: int,
    contexts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    tables: npt.NDArray[np.int32],
    chains: npt.NDArray[np.int32],
    rolling: npt.NDArray[np.int64],
    counts: npt.NDArray[np.float32],
) -> None:
    """Look up what followed the contexts that end at `now`, `[contexts, 4]`."""
    code, run, longest = rolling[0], rolling[2], contexts[-1]
    for column in range(len(contexts)):
        k = contexts[column]
        if k > _CHAINED or run < k:
            break
        for base in range(4):
            counts[column, base] = tables[offsets[column] + 4 * (code & ((1 << 2 * k) - 1)) + base]
    if run < _CHAINED or longest <= _CHAINED:
        return
    for strand in range(2):
        place = chains[strand, code]
        while place != _EMPTY:
            equal = _CHAINED
            base = int(seen[place]) - _FIRST_BASE
            if strand == 0:
                while equal < longest and equal < place and seen[now - equal] == seen[place - 1 - equal]:
                    if seen[now - equal] < _FIRST_BASE:
                        break
                    equal += 1
            else:
                base = 3 - base
                while (
                    equal < longest and place + 1 + equal <= now and seen[now - equal] == 7 - seen[place + 1 + equal]
                ):
                    if seen[now - equal] < _FIRST_BASE:
                        break
                    equal += 1
            for column in range(len(contexts) - 1, -1, -1):
                if contexts[column] <= _CHAINED:
                    break
                if contexts[column] <= equal:
                    counts[column, base] += 1
            place = chains[strand, _NUM_CHAINS + place]


@compiled
def scan(
    symbols: npt.NDArray[np.uint8],
    num_seen: int,
    seen: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.int64],
    copies: npt.NDArray[np.int64],
    text: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int32],
    first_rows: npt.NDArray[np.int64],
    blocks: npt.NDArray[np.int32],
    contexts: npt.NDArray[np.int64],
    sense_contexts: npt.NDArray[np.int64],
    own_contexts: npt.NDArray[np.int64],
    seed: int,
    most_misses: tuple[int, int],
    run_class: npt.NDArray[np.int64],
    older_class: npt.NDArray[np.int64],
    recent: int,
    log_odds: npt.NDArray[np.float32],
    copy_counts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.float32],
    sense_counts: npt.NDArray[np.float32],
    copy_logits: npt.NDArray[np.float32],
) -> None:
    """Scan some genes; see `ngram_scan.scan`, whose state and features are written in place.

    Args:
        symbols: `[batch, length]`.
        num_seen: symbols that `seen` holds already.
        seen: `[batch, num_seen + length]`.
        rows: `[batch, longest context + 1, 2]`.
        copies: `[batch, slots, 2]`; no slots where nothing is copied.
        text: buffer of `ContextIndex`.
        places: buffer of `ContextIndex`.
        first_rows: buffer of `ContextIndex`.
        blocks: buffer of `ContextIndex`.
        contexts: lengths of contexts whose counts are wanted, growing.
        sense_contexts: lengths of contexts whose counts on the sense strand alone are wanted, growing.
        own_contexts: lengths of contexts within the sequence itself, growing; empty where it is not counted.
        seed: bases of a context from which copies begin.
        most_misses: in the last 32 bases, of a copy that begins and of one that goes on.
        run_class: class of a number of hits in a row, 0 to 32.
        older_class: class of a number of misses among 16.
        recent: misses in the last 16 bases that are told apart.
        log_odds: by state of a copy, of its next base against each of the others.
        copy_counts: by state of a copy, its predictions and hits so far, `[states, 2]`; empty where they are not
            counted.
        counts: `[batch, kept, contexts + own contexts + 2 if there are slots, 4]`, zero.
        sense_counts: `[batch, kept, sense contexts, 5]`, zero.
        copy_logits: `[batch, kept, 4]`, zero.
    """
    batch, length = symbols.shape
    deepest, slots, looks_at_own = rows.shape[1] - 1, copies.shape[1], len(own_contexts) > 0
    dropped = length - counts.shape[1]
    odds = np.exp(log_odds) / 3
    offsets = np.zeros(len(own_contexts) + 1, dtype=np.int64)
    for column in range(len(own_contexts)):
        offsets[column + 1] = offsets[column] + (
            4 ** (own_contexts[column] + 1) if own_contexts[column] <= _CHAINED else 0
        )
    tables = np.zeros(offsets[-1], dtype=np.int32)
    chains = np.empty((2, _NUM_CHAINS + num_seen + length), dtype=np.int32)
    rolling = np.zeros(3, dtype=np.int64)
    for b in range(batch):
        if looks_at_own:
            tables[:], chains[:], rolling[:] = 0, _EMPTY, 0
            for past in range(num_seen):
                _enter_own(seen[b], past, own_contexts, offsets, tables, chains, rolling)
        for i in range(length):
            symbol = int(symbols[b, i])
            now = num_seen + i
            seen[b, now] = symbol
            is_base = symbol >= _FIRST_BASE

            for s in range(slots):
                place, misses = copies[b, s, 0], copies[b, s, 1]
                if place == _EMPTY:
                    continue
                predicted = int(text[place])
                if len(copy_counts) and is_base and predicted >= _FIRST_BASE:
                    state = _state_of(misses, run_class, older_class, recent)
                    copy_counts[state, 0] += 1
                    copy_counts[state, 1] += predicted == symbol
                misses = ((misses << 1) & 0xFFFFFFFF) | (not is_base or predicted != symbol)
                if predicted < _FIRST_BASE or symbol == _BOUNDARY or _bits(misses) > most_misses[1]:
                    copies[b, s, 0] = _EMPTY
                else:
                    copies[b, s, 0], copies[b, s, 1] = place + 1, misses

            for k in range(deepest, 0, -1):
                low, high = rows[b, k - 1, 0], rows[b, k - 1, 1]
                if symbol == _BOUNDARY:
                    low, high = 0, first_rows[1]
                elif not is_base or low == high:
                    low, high = 0, 0
                else:
                    low = _next_row(blocks, first_rows[symbol], low, symbol - _FIRST_BASE)
                    high = _next_row(blocks, first_rows[symbol], high, symbol - _FIRST_BASE)
                rows[b, k, 0], rows[b, k, 1] = low, high

            if looks_at_own:
                _enter_own(seen[b], now, own_contexts, offsets, tables, chains, rolling)

            if slots:
                k = deepest
                while k >= seed and rows[b, k, 0] == rows[b, k, 1]:
                    k -= 1
                if k >= seed:
                    low, width = rows[b, k, 0], rows[b, k, 1] - rows[b, k, 0]
                    for candidate in range(min(2, width)):
                        place = int(places[low + candidate * (width // 2)])
                        known = False
                        for s in range(slots):
                            known = known or copies[b, s, 0] == place
                        if known:
                            continue
                        misses = 0
                        for d in range(32):
                            if (
                                d > now
                                or d >= place
                                or seen[b, now - d] < _FIRST_BASE
                                or text[place - 1 - d] != seen[b, now - d]
                            ):
                                misses |= 1 << d
                        missed = _bits(misses)
                        if missed > most_misses[0]:
                            continue
                        worst, most = -1, missed
                        for s in range(slots):
                            slot_misses = 33 if copies[b, s, 0] == _EMPTY else _bits(copies[b, s, 1])
                            if slot_misses > most:
                                worst, most = s, slot_misses
                        if worst >= 0:
                            copies[b, worst, 0], copies[b, worst, 1] = place, misses

            p = i - dropped
            if p < 0:
                continue
            for column in range(len(contexts)):
                low, high = rows[b, contexts[column], 0], rows[b, contexts[column], 1]
                if low == high:
                    break
                _write_counts(blocks, low, high, False, counts[b, p, column])
            for column in range(len(sense_contexts)):
                low, high = rows[b, sense_contexts[column], 0], rows[b, sense_contexts[column], 1]
                if low == high:
                    break
                sense_counts[b, p, column, 0] = _ends_before(blocks, high) - _ends_before(blocks, low)
                _write_counts(blocks, low, high, True, sense_counts[b, p, column, 1:])
            if looks_at_own:
                _look_own(seen[b], now, own_contexts, offsets, tables, chains, rolling, counts[b, p, len(contexts) :])
            for s in range(slots):
                place = copies[b, s, 0]
                if place == _EMPTY or text[place] < _FIRST_BASE:
                    continue
                base = text[place] - _FIRST_BASE
                state = _state_of(copies[b, s, 1], run_class, older_class, recent)
                copy_logits[b, p, base] += log_odds[state]
                counts[b, p, -2, base] += odds[state]
                counts[b, p, -1, base] = max(counts[b, p, -1, base], odds[state])
