"""docs/scaling.md: its figures are those of the benchmark, its config files those of Accelerate."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from genelm.eval import read_results, table_marks

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "scaling.md").read_text()


def test_its_table_is_what_the_benchmark_measured(load_benchmark: Callable[[str], ModuleType]) -> None:
    benchmark = load_benchmark("train")
    results = json.loads(benchmark.RESULTS.read_text())
    start, end = table_marks("speed")
    shown = TEXT.split(start)[1].split(end)[0].strip()
    assert shown == benchmark.speed_table(results).strip()
    assert "the LSTM learns the same per symbol" in TEXT
    full, half = (results[f"lstm, two epochs, {name}"]["validation_bits_per_base"] for name in ("no", "bf16"))
    assert abs(full - half) < 0.002
    assert results["lstm"]["share_of_positions_used"] > 0.95
    assert results["gpt2"]["share_of_positions_used"] > 0.99
    assert all(results[name]["share_of_time_loading"] < 0.02 for name in ("lstm", "gpt2"))


def test_its_tables_of_threads_and_of_a_step_are_what_was_measured(
    load_benchmark: Callable[[str], ModuleType],
) -> None:
    benchmark = load_benchmark("train")
    for name, file, table in (
        ("threads", benchmark.THREAD_RESULTS, benchmark.threads_table),
        ("step", benchmark.STEP_RESULTS, benchmark.step_table),
    ):
        start, end = table_marks(name)
        assert TEXT.split(start)[1].split(end)[0].strip() == table(json.loads(file.read_text())).strip()
    step, speeds = (json.loads(file.read_text()) for file in (benchmark.STEP_RESULTS, benchmark.RESULTS))
    assert "Nearly all of a step is spent inside oneDNN's recurrent layers" in TEXT
    assert sum(share for name, share in step["shares"].items() if "mkldnn_rnn_layer" in name) > 0.9
    assert "Threads that sleep, new shapes and page faults cost little beside that." in TEXT
    assert step["ms_new_shape"] < 1.1 * step["ms"]
    assert "was twice as fast at them" in TEXT
    assert 2 <= speeds["device"]["bf16"] / step["product_rate"] < 2.5
    fewest, *more = step["bases_per_second_by_genes"].values()
    assert "more genes a batch help somewhat" in TEXT
    assert 1.1 < max(more) / fewest < 1.5


def test_its_words_on_five_minutes_are_what_was_measured() -> None:
    for name, limit in (("lstm", 1.885), ("gpt2", 1.925)):
        results = read_results(ROOT / "docs" / "results" / "five_minutes" / f"{name}_five_minutes.json")
        record = json.loads((ROOT / "docs" / "results" / "records" / f"{name}_five_minutes.json").read_text())
        assert results.dataset.split == "test"
        assert results.model.trained_on == record["dataset"]["fingerprint"]
        row = results.find(task="perplexity", metric="bits_per_base")
        novel = results.find(task="perplexity", metric="bits_per_base", group="familiarity", stratum="novel")
        assert row is not None
        assert novel is not None
        figures = f"{record['seconds'] / 60:.1f} | {row.value:.3f} | {novel.value:.3f}"
        assert f"| {name}_five_minutes.yaml | {figures} |" in TEXT
        assert row.value <= limit
        assert record["seconds"] <= 300


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "accelerate").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_config_files_are_read_by_accelerate(path: Path) -> None:
    config = load_config_from_file(str(path))
    named = {"one_gpu": 1, "eight_gpus": 8, "several_nodes": 32, "sharded": 8, "two_cpu_processes": 2}
    assert config.num_processes == named[path.stem]
    assert (config.num_machines > 1) == (path.stem == "several_nodes")


def test_the_files_it_names_are_there() -> None:
    for name in re.findall(r"configs/[\w/]+\.yaml", TEXT):
        assert (ROOT / name).is_file(), name
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / target).exists(), target
