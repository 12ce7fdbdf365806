"""Files and folders are written beside their final name and renamed, so a crash leaves the old one or the new one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it becomes `path`, on any exception it is removed.

    Args:
        path: the final file. Its folder is created; an older file there is replaced.

    Yields:
        The temporary path to write to. It keeps the suffix of `path`.
    """
    path = Path(path)
    with _parent_of(path) as parent:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str, *, marker: str) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on success it becomes `path`, on any exception it is removed.

    Args:
        path: the final folder. Where it exists it is replaced as a whole, but only if it is empty or holds `marker`:
            a folder that genelm did not write is never deleted.
        marker: the file by which a folder of this kind is known, such as `manifest.json`.

    Yields:
        The temporary folder to fill.

    Raises:
        InputError: `path` is a file, or a folder with other content.
    """
    path = Path(path)
    check_replaceable(path, marker)
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


def check_replaceable(path: Path, marker: str) -> None:
    """Refuse an output folder whose content is not ours to replace.

    Raises:
        InputError: `path` is a file, or a folder that is not empty and has no `marker`.
    """
    if path.is_file():
        raise InputError(f"{path} is a file, but a folder is to be written there; choose another output.")
    if path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        raise InputError(f"{path} holds other files (no {marker}) and is not replaced; choose a new or empty folder.")


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
    mask = os.umask(0)
    os.umask(mask)
    return mask
