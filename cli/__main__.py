"""`python -m genelm.cli`, for `accelerate launch -m genelm.cli evaluate ...`."""

from .main import main

main()
