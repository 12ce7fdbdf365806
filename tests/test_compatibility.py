"""Folders of every format so far say and write what they did; `make compat` tries the same in other environments."""

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "compatibility"
sys.path.insert(0, str(HERE))
from load_folders import problems  # noqa: E402

KEPT = [one for one in sorted((HERE / "kept").glob("*/*")) if one.is_dir()]


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_folder_of_an_earlier_format_is_read_as_it_was(folder: Path) -> None:
    wanted = json.loads(Path(f"{folder}.json").read_text())
    assert problems(str(folder), wanted, is_ours=True, is_kept=True) == []


def test_a_folder_that_says_something_else_is_found_out() -> None:
    wanted = json.loads(Path(f"{KEPT[0]}.json").read_text())
    wanted["logits"][3][5] = str(float(wanted["logits"][3][5]) + 1e-4)
    wanted["greedy"][-1] = 4 if wanted["greedy"][-1] != 4 else 5
    found = problems(str(KEPT[0]), wanted, is_ours=True, is_kept=True)
    assert [problem.partition(" ")[0] for problem in found] == ["logits", "greedy", "pipeline"]
