"""`python -m genelm.training`: what train.py does, where it is not at hand, as for `genelm sweep`."""

from .command import main

main(__doc__)
