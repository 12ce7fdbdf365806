"""Every block of docs/extend.md runs as it stands."""

import re
import shutil
from pathlib import Path

import pytest

TEXT = (Path(__file__).parent.parent / "docs" / "extend.md").read_text()
BLOCKS = {
    section.split("\n")[0]: block
    for section in TEXT.split("\n## ")[1:]
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
}
WRITTEN = {
    "A task": "report/report.md",
    "A source of genes": "data/mine/manifest.json",
    "An architecture of transformers": "runs/llama/model.safetensors",
    "A recurrent cell": "runs/min_gru/model.safetensors",
    "A smoothing": None,
    "Your own training loop": "runs/by_hand/tokenizer.json",
    "The Trainer of transformers": "runs/gpt2_of_trainer/config.json",
    "Another tracker": "runs/tracked/training_record.json",
}


def test_every_section_has_a_block_that_is_run() -> None:
    assert BLOCKS.keys() == WRITTEN.keys()
    assert TEXT.count("```python") == len(BLOCKS)
    assert all(10 <= len(block.splitlines()) <= 45 for block in BLOCKS.values())


@pytest.mark.parametrize("section", WRITTEN)
def test_a_block_runs_as_it_stands(
    section: str, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small_dataset, tmp_path / "data" / "my_genes")
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[section], f"docs/extend.md, {section}", "exec"), {"__name__": "__main__"})
    if (written := WRITTEN[section]) is not None:
        assert (tmp_path / written).is_file()


def test_files_that_it_names_are_there() -> None:
    root = Path(__file__).parent.parent
    for name in re.findall(r"`((?:eval|modeling|dataset_scripts|configs)/[\w/]+\.\w+)`", TEXT):
        assert (root / name).is_file(), name
