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
    (folder, part): int(layer)
    for folder, table in re.findall(r"part of `(\w+)/`(.*?)\n\n", (ROOT / "docs" / "design.md").read_text(), re.DOTALL)
    for layer, part in re.findall(r"^\| \d\.(\d) \| `(\w+)(?:/|\.py)` \|", table, re.MULTILINE)
}
"""Layer of each part of a package that is divided once more, as docs/design.md has them: packages and single files."""


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


@pytest.mark.parametrize("folder", sorted({folder for folder, _ in PARTS}))
def test_every_part_of_a_divided_package_has_its_place(folder: str) -> None:
    packages = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    there = packages | {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
    assert there == {part for name, part in PARTS if name == folder}


@pytest.mark.parametrize(("folder", "part"), PARTS)
def test_a_part_imports_only_from_layers_below_its_own(folder: str, part: str) -> None:
    place = ROOT / folder / part
    for file in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        dots = len(file.relative_to(ROOT / folder).parts)  # that lead to the folder
        names = [
            node.module.split(".")[0]
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.level == dots and node.module
        ]
        upward = {name for name in names if name != part and PARTS[folder, name] >= PARTS[folder, part]}
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
