"""Files and folders are written beside their final name and renamed, so a crash leaves the old one or the new one."""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import InputError

_UMASK = threading.Lock()


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it becomes `path`, on any exception it is removed.

    Args:
        path: the final file. Its folder is created; an older file there is replaced.

    Yields:
        The temporary path to write to. It keeps the suffix of `path`.

    Raises:
        InputError: no file can be written there.
    """
    path = Path(path)
    check_output_file(path)
    path, suffix = path.resolve(), path.suffix  # where it is a link, what it leads to is replaced
    with _parent_of(path) as parent:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=suffix, dir=parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            apply_umask(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def apply_umask(file: Path) -> None:
    """Let those read a file who could read any new one; temporary files, and safetensors', are their owner's alone."""
    file.chmod(0o666 & ~_umask())


def write_json(path: Path | str, content: Any) -> None:
    """Write JSON as people can read it; an older file is replaced only when the new one is complete.

    Args:
        path: the file.
        content: what JSON can hold.

    Raises:
        InputError: no file can be written there.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def atomic_folder(
    path: Path | str, *, is_replaceable: Callable[[str], bool], is_own: Callable[[Path], bool]
) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it becomes `path`, on any exception it is removed.

    Args:
        path: the final folder. Where it exists it is replaced as a whole, but only if every file in it is one that a
            folder of this kind has: what others put there is never deleted.
        is_replaceable: says of a file's path within the folder, such as `data/train.parquet`, whether it is such a
            file.
        is_own: says of a folder with files whether it is of this kind.

    Yields:
        The temporary folder to fill.

    Raises:
        InputError: `path` is a file, or a folder with other content.
    """
    path = Path(path)
    check_output_folder(path, is_replaceable)
    if path.is_dir() and any(path.iterdir()) and not is_own(path):
        raise InputError(f"{path} is not empty, and not one that genelm wrote; choose a new or empty folder.")
    path = path.resolve()  # where it is a link, what it leads to is replaced
    with _parent_of(path) as parent:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                old = temporary.with_name(temporary.name + ".old")
                os.replace(path, old)
                os.replace(temporary, path)
                shutil.rmtree(old)
            else:
                os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def check_output_file(path: Path, source: Path | None = None) -> None:
    """Refuse an output file that cannot be written; for a look before long work.

    Args:
        path: the file to be written.
        source: a file that is read, and must not be written over.

    Raises:
        InputError: `path` is a folder, a device or a pipe, lies below a file, or is the source.
    """
    if source is not None and path.resolve() == source.resolve():
        raise InputError(f"{path} is also the input and would be written over; choose another output.")
    if path.is_dir():
        raise InputError(f"{path} is a folder, but a file is to be written there; add a file name.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a device or a pipe, which is not replaced by a file; choose another output.")
    _check_parents(path)


def check_output_folder(path: Path, is_replaceable: Callable[[str], bool]) -> None:
    """Refuse an output folder that cannot be written, or whose content is not ours to replace.

    Args:
        path: the folder.
        is_replaceable: says of a file's path within the folder whether it may be replaced.

    Raises:
        InputError: `path` is a file or lies below one, is the working directory, or holds a file that is not ours.
    """
    if path.is_file():
        raise InputError(f"{path} is a file, but a folder is to be written there; choose another output.")
    if path.resolve() == Path.cwd():
        raise InputError(f"{path} is the working directory and cannot be replaced; choose another output.")
    _check_parents(path)
    for file in sorted(path.rglob("*")):
        if not file.is_dir() and not is_replaceable(file.relative_to(path).as_posix()):
            raise InputError(f"{path} holds {file}, which is not replaced; choose a new or empty folder.")


def _check_parents(path: Path) -> None:
    for parent in path.parents:
        if parent.is_file():
            raise InputError(f"{path} cannot be written: {parent} is a file, not a folder; choose another output.")


@contextmanager
def _parent_of(path: Path) -> Iterator[Path]:
    """Make the folder that `path` is to lie in; on any exception the folders made are removed again."""
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path.parent
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _umask() -> int:
    with _UMASK:  # it can only be read by setting it, and is one for all threads
        mask = os.umask(0)
        os.umask(mask)
    return mask
