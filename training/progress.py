"""How far a run has come: what a checkpoint says of it besides the state of model, optimizer and schedule."""

import math
from dataclasses import dataclass, field

STILL_RUNNING, INTERRUPTED = "still running", "interrupted"
"""What a record says has stopped a run that is not at its end."""

LONGEST_CURVE = 400


@dataclass
class LogInterval:
    """Sums over the steps since the last entry of the curve, over all processes.

    Attributes:
        nats: of the bases, ends of genes left aside.
        targets: symbols that were predicted, ends of genes included.
        bases: A, C, G and T of the genes.
        positions: symbols that were read, padding included.
        seconds: that passed, without validations and checkpoints.
        loading_seconds: of these, until batches were ready.
    """

    nats: float = 0.0
    targets: int = 0
    bases: int = 0
    positions: float = 0.0
    seconds: float = 0.0
    loading_seconds: float = 0.0

    def metrics(self) -> dict[str, float]:
        """Return what the sums say: bits, speed, and the shares of positions and of time that are put to use."""
        return {
            "bits_per_base": self.nats / math.log(2) / max(self.bases, 1),
            "bases_per_second": self.bases / self.seconds,
            "share_of_positions_used": self.targets / self.positions,
            "share_of_time_loading": self.loading_seconds / self.seconds,
        }


@dataclass
class Progress:
    """How far a run has come; saved with each checkpoint.

    Attributes:
        step: optimizer steps taken.
        best_bits_per_base: lowest on validation so far.
        best_step: where that was.
        validations_since_best: without improvement.
        seconds: of training, without validations and checkpoints, over all parts of an interrupted run.
        history: an entry a validation.
        curve: an entry each so many steps; of a long run each `stride`-th, and the latest.
        entries: made so far, kept or not.
        stride: doubled whenever the curve has become too long.
        window: what the next entry of the curve will be made of.
    """

    step: int = 0
    best_bits_per_base: float = math.inf
    best_step: int = 0
    validations_since_best: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)
    entries: int = 0
    stride: int = 1
    window: LogInterval = field(default_factory=LogInterval)

    def __post_init__(self) -> None:
        if isinstance(self.window, dict):
            self.window = LogInterval(**self.window)

    def close_window(self, more: dict[str, float]) -> dict[str, float]:
        """Make an entry of the curve, evenly thinned out where it has become long, and open the next window."""
        entry = {"step": self.step, **self.window.metrics(), **more}
        if (self.entries - 1) % self.stride:  # the latest until now was not due
            self.curve.pop()
        self.curve.append(entry)
        self.entries += 1
        if len(self.curve) > LONGEST_CURVE:
            self.curve, self.stride = self.curve[::2], 2 * self.stride
        self.window = LogInterval()
        return entry
