"""How threads wait, so that several programs can share the processors."""

import os

SPINS = "100"
"""Turns of the loop in which a thread waits before it sleeps: a few microseconds; GNU's own choice is milliseconds.

What that is worth beside a busy program is measured by benchmarks/train.py. Without any, threads would sleep where
they wait for a moment alone.
"""


def share_processors() -> None:
    """Let threads that wait for others sleep soon; to be called before torch is loaded.

    The threads that torch computes with are OpenMP's, and GNU's hold their processor while they wait. Where another
    program wants it too, the thread that is waited for does not get one, and both programs nearly stand still. What
    the user has set, `OMP_WAIT_POLICY` or `GOMP_SPINCOUNT`, is left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
