"""What is written where nobody watches."""

import os
import sys

SECONDS_BETWEEN_LINES = "30"


def rare_bars_in_files() -> None:
    """Let progress bars write to a file, such as the log of a batch job, twice a minute.

    To be called before tqdm is loaded. On a terminal they move as usual. What the user has set as `TQDM_MININTERVAL`
    is left as it is.
    """
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", SECONDS_BETWEEN_LINES)
