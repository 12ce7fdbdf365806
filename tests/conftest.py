"""Fixtures shared by all tests."""

import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

# Before anything imports datasets: what tests encode does not go to the user's cache.
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp(prefix="genelm-tests-")

import hypothesis
import pytest
from accelerate.state import AcceleratorState

from genelm.dataset_scripts import GeneDatasetConfig, build_dataset, is_dataset_file, is_dataset_folder
from genelm.storage import atomic_folder

# A slow machine fails no test: limits are for what hangs.
hypothesis.settings.register_profile("genelm", deadline=None)
hypothesis.settings.load_profile("genelm")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real genes; tests that need it are skipped where the environment does not name one."""
    folder = os.environ.get("GENELM_REAL_DATA")
    if not folder:
        pytest.skip("GENELM_REAL_DATA is not set: the folder with the paper's genes (paper/genes_test.csv ...)")
    if not Path(folder, "paper").is_dir():
        pytest.fail(f"GENELM_REAL_DATA is {folder}, but there is no folder paper/ in it")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first, so that no worker is left with one of them when the others have nothing to do."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of 150 simulated genes of at most 120 bases."""
    folder = tmp_path_factory.mktemp("data") / "small"
    config = GeneDatasetConfig(name="small", source="simulated", num_genes=150, max_length=120)
    with atomic_folder(folder, is_replaceable=is_dataset_file, is_own=is_dataset_folder) as temporary:
        build_dataset(config, temporary, "made by a test")
    return folder


@pytest.fixture(autouse=True)
def _fresh_accelerate() -> None:
    """Accelerate keeps the precision of the first run of a process; every test is a process of its own in this."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(autouse=True)
def _fresh_messages() -> Iterator[None]:
    """What a command set up to say is not said in the next test, and what is logged reaches `caplog`."""
    logger = logging.getLogger("genelm")
    logger.handlers, logger.propagate = [logging.NullHandler()], True
    logger.setLevel(logging.NOTSET)
    yield
    for name in ("GENELM_LOG_LEVEL", "TQDM_DISABLE"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def load_benchmark() -> Callable[[str], ModuleType]:
    """Give what loads a benchmark by its name."""

    def load(name: str) -> ModuleType:
        path = Path(__file__).parent.parent / "benchmarks" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{name}_benchmark", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
