"""Results files."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from genelm.eval import Measurement, find_measurement, make_results, read_results, write_results
from genelm.storage import InputError


def _measurement(**changes: Any) -> Measurement:
    values: dict[str, Any] = {
        "task": "perplexity",
        "task_version": 1,
        "convention": "genelm",
        "metric": "bits_per_base",
        "units": "bits/base",
        "group": "all",
        "stratum": "all",
        "value": 1.9,
        "confidence_interval": (1.8, 2.0),
        "n_genes": 3,
        "n_bases": 8,
    }
    return Measurement(**values | changes)


def _results(measurements: list[Measurement]) -> dict[str, Any]:
    model = {"name": "lstm", "model_type": "gene_rnn", "parameters": 10, "fingerprint": "ab"}
    dataset = {"name": "genes", "fingerprint": "cd", "split": "test"}
    return make_results(measurements, model=model, dataset=dataset, seed=0, command="genelm evaluate runs/lstm")


def test_what_is_written_is_read_back_infinity_included(tmp_path: Path) -> None:
    results = _results([_measurement(), _measurement(stratum="mle", value=math.inf, confidence_interval=None)])
    write_results(results, tmp_path / "lstm.json")
    assert read_results(tmp_path / "lstm.json") == results
    raw = json.loads((tmp_path / "lstm.json").read_text(), parse_constant=pytest.fail)
    assert [row["value"] for row in raw["measurements"]] == [1.9, "Infinity"]


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    results = _results([_measurement()])
    write_results(results, tmp_path / "one.json")
    write_results(dict(reversed(results.items())), tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="bits_per_base of all"):
        _measurement(value=math.nan)


def test_a_measurement_is_found_by_its_labels() -> None:
    results = _results([_measurement(), _measurement(group="gene_type", stratum="tRNA", value=1.5)])
    found = find_measurement(results, task="perplexity", metric="bits_per_base", group="gene_type", stratum="tRNA")
    assert found is not None
    assert found["value"] == 1.5
    assert find_measurement(results, task="perplexity", metric="bits_per_base", convention="paper") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", 'no "format": "genelm-results"'),
        ('{"format": "other"}', 'no "format": "genelm-results"'),
        ('{"format": "genelm-results", "format_version": 2}', "format version 2, but this genelm reads 1"),
        ('{"format": "genelm-results", "format_version": 1, "model": {}}', "lacks command, dataset"),
        (b"\xff", "is not JSON"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "lstm.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as caught:
        read_results(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path / "lstm.json")
