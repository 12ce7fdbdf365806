"""What libraries are told by the environment before they are loaded: how threads wait, when bars move."""

import os
import sys

SPINS = "100"
"""Turns of the loop in which a thread waits before it sleeps: a few microseconds; GNU's own choice is milliseconds.

What that is worth beside a busy program is measured by benchmarks/train.py. Without any, threads would sleep where
they wait for a moment alone.
"""

SECONDS_BETWEEN_LINES = "30"


def prepare_environment() -> None:
    """Say to libraries what serves this program; to be called before torch and tqdm are loaded.

    What the user has set is left as it is.

    - The threads that torch computes with are OpenMP's, and GNU's hold their processor while they wait. Where another
      program wants it too, the thread that is waited for does not get one, and both programs nearly stand still. Ours
      sleep soon (`GOMP_SPINCOUNT`, unless there is an `OMP_WAIT_POLICY`).
    - Progress bars write to a file, such as the log of a batch job, twice a minute (`TQDM_MININTERVAL`). On a terminal
      they move as usual.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", SECONDS_BETWEEN_LINES)
