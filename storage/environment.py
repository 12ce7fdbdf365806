"""What libraries are told before they are loaded, and which cores other programs leave to this one."""

import math
import os
import sys
import time
from dataclasses import dataclass, field

import psutil

SECONDS_BETWEEN_LINES = "30"

LEAST_SECONDS = 0.25
"""Over which the load of a processor is measured at least."""

SPARE = 0.3
"""Of a core that other programs may take without its being counted as taken."""

_IDLE = ("idle", "iowait", "steal", "guest", "guest_nice")
"""Times of a processor in which no program of this machine has it, or that are counted elsewhere."""


def prepare_environment() -> None:
    """Say to libraries what serves this program; to be called before tqdm is loaded.

    Progress bars write to a file, such as the log of a batch job, twice a minute (`TQDM_MININTERVAL`, unless the user
    has set it). On a terminal they move as usual. From here on the load of the machine is measured.
    """
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", SECONDS_BETWEEN_LINES)
    LOAD.begin()


@dataclass(frozen=True)
class _Moment:
    """What programs have had of the processor so far, in seconds: all on the cores of this one, and this one."""

    clock: float = field(default_factory=lambda: time.monotonic())
    all_programs: float = field(default_factory=lambda: _busy_seconds())
    this_program: float = field(default_factory=lambda: sum(os.times()[:4]))


class OtherPrograms:
    """What other programs take of the cores that this one may use, since a moment.

    A thread that computes is at times waited for by the others. Where another program has its core, all of them wait
    until the scheduler gives it back, and a recurrent network, which waits thousands of times a step, is many times
    slower than on one thread alone (docs/scaling.md has the figures). So a program takes no more threads than there
    are free cores. It is measured while libraries are loaded, which takes seconds anyway.
    """

    def __init__(self) -> None:
        self._begun: _Moment | None = None

    def begin(self) -> None:
        """Measure from now on."""
        self._begun = _Moment()

    def seconds(self) -> float:
        """Return for how long it has been measured."""
        return 0.0 if self._begun is None else time.monotonic() - self._begun.clock

    def taken(self) -> float:
        """Return how many cores other programs have had on average; waits where it has not been long."""
        if self._begun is None:
            self.begin()
        begun = self._begun
        assert begun is not None
        time.sleep(max(0.0, LEAST_SECONDS - self.seconds()))
        now = _Moment()
        others = (now.all_programs - begun.all_programs) - (now.this_program - begun.this_program)
        return max(0.0, others / (now.clock - begun.clock))

    def free_cores(self) -> int:
        """Return how many cores other programs leave, at least 1."""
        return max(1, math.floor(len(usable_cores()) - self.taken() + SPARE))


LOAD = OtherPrograms()
"""Since the beginning of this program, where `prepare_environment` was called."""


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _busy_seconds() -> float:
    cores = psutil.cpu_times(percpu=True)
    ours = [cores[number] for number in usable_cores() if number < len(cores)]
    return sum(sum(seconds for name, seconds in core._asdict().items() if name not in _IDLE) for core in ours)
