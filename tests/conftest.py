"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real genes; tests that need it are skipped where the environment does not name one."""
    folder = os.environ.get("GENELM_REAL_DATA")
    if not folder:
        pytest.skip("GENELM_REAL_DATA is not set: the folder with the paper's genes (paper/genes_test.csv ...)")
    return Path(folder)
