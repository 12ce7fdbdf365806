"""The installed wheel is whole: what travels outside of Python files is in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

USE = """
from pathlib import Path
import genelm.cli.main, genelm.eval, genelm.model_cards, genelm.modeling, genelm.tokenization, genelm.training
installed = Path(genelm.modeling.__file__).parent.parent
assert installed == Path("site/genelm").resolve(), installed
assert genelm.tokenization.load_tokenizer()("ACGT")["input_ids"] == [2, 4, 5, 6, 7]
assert (installed / "eval" / "metrics" / "bits_per_base" / "bits_per_base.py").is_file()
assert (installed / "model_cards" / "templates" / "model_card.md").is_file()
"""


@pytest.mark.slow
def test_the_wheel_is_whole(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", "site", str(ROOT)]
    subprocess.run(pip, cwd=tmp_path, check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, env=environment, check=True)
