"""Where a file came from: its checksum, the command that made it and the package versions that ran."""

import hashlib
import shlex
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("genelm", "torch", "transformers", "tokenizers", "datasets", "accelerate", "numpy")
"""Distributions whose versions are recorded with every result."""


def sha256_of(paths: Path | Iterable[Path]) -> str:
    """Return the SHA-256 of a file, or of several files taken in the given order, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in [paths] if isinstance(paths, Path) else paths:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return the installed version of each of `PACKAGES`."""
    return {name: version(name) for name in PACKAGES}


def command_line() -> str:
    """Return the command line of this process as a shell would take it, an installed program by its name alone."""
    program = [Path(sys.argv[0]).name]
    spec = sys.modules["__main__"].__spec__
    if spec is not None:  # python -m MODULE
        program = ["python", "-m", spec.name.removesuffix(".__main__")]
    elif sys.argv[0].endswith(".py"):
        program = ["python", *program]
    return shlex.join([*program, *sys.argv[1:]])
