"""What is published is whole: the sdist, and the wheel that is made of it, have all packages and their other files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

USE = """
from pathlib import Path
import genelm.cli.main, genelm.eval, genelm.model_cards, genelm.modeling, genelm.tokenization, genelm.training
installed = Path(genelm.__file__).parent
assert installed == Path("site/genelm").resolve(), installed
assert genelm.tokenization.load_tokenizer()("ACGT")["input_ids"] == [2, 4, 5, 6, 7]
assert (installed / "eval" / "metrics" / "bits_per_base" / "bits_per_base.py").is_file()
assert (installed / "model_cards" / "templates" / "model_card.md").is_file()
"""


@pytest.mark.slow
def test_the_wheel_is_whole(tmp_path: Path) -> None:
    build = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    sdist = done.stdout.decode().splitlines()[-1]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", "site", sdist]
    subprocess.run(pip, cwd=tmp_path, check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, env=environment, check=True)
