"""The `evaluate.Metric` modules, loaded from their folders as users load them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

METRICS = Path(__file__).parent.parent / "eval" / "metrics"

_SCRIPT = """
import evaluate
bits = evaluate.load({bits!r})
print(bits.compute(nats=[5.545177444479562, 2.772588722239781], n_bases=[4, 2]))
bits.add_batch(nats=[0.6931471805599453], n_bases=[1])
bits.add_batch(nats=[6 * 0.6931471805599453], n_bases=[3])
print(bits.compute())
mutations = evaluate.load({mutations!r})
print(mutations.compute(real=[1.31, 1.28, 1.35], mutated=[1.33, 1.27, 1.35]))
"""


def test_metrics_load_offline_from_their_folders_and_compute(tmp_path: Path) -> None:
    # evaluate copies the module below HF_HOME and reads the variable when it is imported: hence another process.
    script = _SCRIPT.format(bits=str(METRICS / "bits_per_base"), mutations=str(METRICS / "mutation_accuracy"))
    environment = os.environ | {
        "HF_HOME": str(tmp_path),
        "HF_MODULES_CACHE": str(tmp_path / "modules"),
        "HF_EVALUATE_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    two_genes, in_batches, mutations = map(eval, done.stdout.splitlines())
    assert two_genes == pytest.approx({"bits_per_base": 2.0, "perplexity": 4.0})
    assert in_batches == pytest.approx({"bits_per_base": 7 / 4, "perplexity": 2 ** (7 / 4)})
    assert mutations == {"mutation_accuracy": pytest.approx(1 / 3)}
