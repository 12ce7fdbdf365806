"""The `evaluate.Metric` modules, loaded from their folders as users load them."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genelm.eval import TASKS

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
print(evaluate.load({edits!r}).compute(real=[12.5, 3.0, 7.0], edited=[9.0, 3.0, 8.5]))
print(evaluate.load({kmers!r}).compute(predictions=["AAAA"], references=["AACC"], k=1))
"""


def test_metrics_load_offline_from_their_folders_and_compute(tmp_path: Path) -> None:
    # evaluate copies the module below HF_HOME and reads the variable when it is imported: hence another process.
    names = {"bits": "bits_per_base", "mutations": "mutation_accuracy", "edits": "edit_accuracy"}
    names |= {"kmers": "kmer_divergence"}
    script = _SCRIPT.format(**{key: str(METRICS / name) for key, name in names.items()})
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
    two_genes, in_batches, mutations, edits, kmers = map(eval, done.stdout.splitlines())
    assert two_genes == pytest.approx({"bits_per_base": 2.0, "perplexity": 4.0})
    assert in_batches == pytest.approx({"bits_per_base": 7 / 4, "perplexity": 2 ** (7 / 4)})
    assert mutations == {"mutation_accuracy": pytest.approx(1 / 3)}
    # Differences 3.5, 0 and -1.5: the nine comparisons of one with another turned round give 5 and a half right.
    assert edits == pytest.approx({"edit_accuracy": 0.5, "edit_auroc": 5.5 / 9})
    assert kmers == pytest.approx({"kmer_divergence": math.log2(4 / 3) / 2 + math.log2(2 / 3) / 4 + 1 / 4})


def test_every_metric_is_in_the_list_with_the_version_of_its_task() -> None:
    listed = (METRICS / "README.md").read_text()
    for folder in METRICS.iterdir():
        assert folder.name == "README.md" or f"[{folder.name}]({folder.name})" in listed
    for name in ("perplexity", "mutations", "edits", "generation"):
        assert f"| {name} {TASKS[name].version} " in listed
