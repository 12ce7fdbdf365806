"""The packages: what holds them together, and that imports only go down."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import find_packages

from genelm import storage

ROOT = Path(__file__).parent.parent
LAYERS = {
    package: int(layer)
    for layer, packages in re.findall(r"^\| (\d) \| (.*?) \|", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    for package in re.findall(r"`(\w+)/`", packages)
}
"""Layer of each package, as docs/design.md has them."""


PARTS = {
    part: int(layer)
    for layer, part in re.findall(
        r"^\| \d\.(\d) \| `(\w+)(?:/|\.py)` \|", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE
    )
}
"""Layer of each part of eval/, as docs/design.md has them: packages and single files."""


def imported_packages(file: Path) -> set[str]:
    """The packages of genelm that a file imports anywhere, in functions too."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    inside = {parts[1] for parts in (name.split(".") for name in names) if parts[0] == "genelm" and len(parts) > 1}
    return {name if name in LAYERS else "genelm" for name in inside}


def test_every_package_has_its_place_and_a_link_in_genelm() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == LAYERS.keys()
    folders.remove("genelm")
    for name in folders:
        assert os.readlink(ROOT / "genelm" / name) == f"../{name}", "absolute links would lead out of a copy"
    inner = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("*/*/__init__.py")} - {"."}
    inner = {name for name in inner if name.split(".")[0] in folders}
    assert set(find_packages(str(ROOT), include=["genelm.*"])) == {f"genelm.{name}" for name in folders | inner}


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_imports_only_from_layers_below_its_own(package: str) -> None:
    for file in (ROOT / package).glob("*.py") if package == "genelm" else (ROOT / package).rglob("*.py"):
        upward = {other for other in imported_packages(file) - {package} if LAYERS[other] >= LAYERS[package]}
        assert not upward, f"{file.relative_to(ROOT)} imports {', '.join(sorted(upward))}"


def test_every_part_of_the_evaluation_has_its_place() -> None:
    there = {path.stem for path in (ROOT / "eval").glob("*.py")} | {
        path.parent.name for path in (ROOT / "eval").glob("*/__init__.py")
    }
    assert there - {"__init__"} == PARTS.keys()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_evaluation_imports_only_from_layers_below_its_own(part: str) -> None:
    folder = ROOT / "eval" / part
    for file in folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]:
        levels = len(file.relative_to(ROOT / "eval").parts)  # dots that lead to eval/
        names = [
            node.module.split(".")[0]
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.level == levels and node.module
        ]
        upward = {name for name in names if name != part and PARTS[name] >= PARTS[part]}
        assert not upward, f"{file.relative_to(ROOT)} imports {', '.join(sorted(upward))}"


def test_the_front_door_opens_at_once() -> None:
    code = "import sys, genelm; genelm.load; dir(genelm); sys.exit('torch' in sys.modules)"
    lazy = code.replace("genelm.load; ", "")
    assert subprocess.run([sys.executable, "-c", lazy]).returncode == 0, "import genelm imports torch"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 1, "torch is loaded when it is needed"


def test_a_folder_of_its_name_in_the_current_directory_is_not_taken_for_genelm(tmp_path: Path) -> None:
    (tmp_path / "genelm" / "modeling").mkdir(parents=True)
    code = "import genelm.storage as s; print(s.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == storage.__file__, done.stderr
