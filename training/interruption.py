"""SIGINT, SIGTERM and SIGHUP: a run that is asked to stop ends its step, writes a checkpoint, and only then ends."""

import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP comes when the terminal is gone, or a launcher that had it to itself; under nohup it is ignored."""

_SAME_WISH_SECONDS = 3.0
"""A launcher hands its signal on to processes that the terminal has already told: that is one wish, not two."""


class Interruption:
    """While it is entered, a first signal is only remembered, and a later second one ends the process at once.

    Accelerate's launcher of a single process keeps signals to itself, and ends: a launcher that is gone was told to
    stop.

    Args:
        parent: id of the process that started this one, as it was at the very beginning.

    Attributes:
        signal: the number of the signal that came, None before.
    """

    def __init__(self, parent: int) -> None:
        self.signal: int | None = None
        self._launcher = parent if "ACCELERATE_DYNAMO_BACKEND" in os.environ else None
        self._came = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        ignores = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        heard = [number for number in _SIGNALS if not (ignores and number == signal.SIGHUP)]
        self._before = {number: signal.signal(number, self._remember) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def stop_requested(self) -> bool:
        """Whether the run is to stop."""
        if self.signal is None and self._launcher is not None and os.getppid() != self._launcher:
            self._remember(signal.SIGTERM, None)
        return self.signal is not None

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal, self._came = number, time.monotonic()
        elif time.monotonic() - self._came > _SAME_WISH_SECONDS:
            raise KeyboardInterrupt
