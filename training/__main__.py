"""`python -m genelm.training`: what train.py does, where it is not at hand, as for `genelm sweep`."""

import os

launcher = os.getppid()  # it may be gone when the libraries are loaded, seconds later

from .command import main  # noqa: E402

main(__doc__, launcher)
