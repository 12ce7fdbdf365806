"""Results files."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from evaluated_genes import measurement, results_of

from genelm.eval import Measurement, read_results, write_results
from genelm.storage import InputError

ROOT = Path(__file__).parent.parent


def _measurement(**changes: Any) -> Measurement:
    return measurement(**{"units": "bits/base", "confidence_interval": (1.8, 2.0), **changes})


def test_what_is_written_is_read_back_infinity_included(tmp_path: Path) -> None:
    results = results_of([_measurement(), _measurement(stratum="mle", value=math.inf, confidence_interval=None)])
    write_results(results, tmp_path / "lstm.json")
    assert read_results(tmp_path / "lstm.json") == results
    raw = json.loads((tmp_path / "lstm.json").read_text(), parse_constant=pytest.fail)
    assert [row["value"] for row in raw["measurements"]] == [1.9, "Infinity"]


def test_the_results_of_the_project_are_written_as_they_are_read(tmp_path: Path) -> None:
    files = [file for file in (ROOT / "docs" / "results").rglob("*.json") if '"genelm-results"' in file.read_text()]
    assert len(files) > 30
    for file in files:
        write_results(read_results(file), tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == file.read_bytes(), file


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="bits_per_base of all"):
        _measurement(value=math.nan)


def test_a_measurement_is_found_by_its_labels() -> None:
    results = results_of([_measurement(), _measurement(group="gene_type", stratum="tRNA", value=1.5)])
    found = results.find(task="perplexity", metric="bits_per_base", group="gene_type", stratum="tRNA")
    assert found is not None
    assert found.value == 1.5
    assert results.find(task="perplexity", metric="bits_per_base", convention="paper") is None


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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("measurements", 1, "value"), "many", r"Expected `float`, got `str` - at `\$\.measurements\[1\]\.value`"),
        (("measurements", 0, "confidence_interval"), [1.0], r"at `\$\.measurements\[0\]\.confidence_interval`"),
        (("measurements",), {"value": 1}, r"Expected `array`, got `object` - at `\$\.measurements`"),
        (("model", "parameters"), "10", r"Expected `int`, got `str` - at `\$\.model\.parameters`"),
        (("notes",), [1], r"Expected `str`, got `int` - at `\$\.notes\[0\]`"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, path: tuple[Any, ...], value: Any, message: str
) -> None:
    write_results(results_of([_measurement(), _measurement(stratum="b")]), tmp_path / "lstm.json")
    content = json.loads((tmp_path / "lstm.json").read_text())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (tmp_path / "lstm.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"lstm\.json does not hold .*{message}.*evaluate the model again\.$"):
        read_results(tmp_path / "lstm.json")
