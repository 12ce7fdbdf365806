"""`python -m genelm.training`: what train.py does, where it is not at hand, as for `genelm sweep`."""

import os

from .main import main

main(__doc__, os.getppid())
