"""Files of ours that say what they are: JSON objects with `format` and `format_version`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import InputError


def read_format(
    path: Path, name: str, version: int, *, keys: Iterable[str], instead: str, anew: str
) -> dict[str, Any]:
    """Read a file of some format.

    Args:
        path: of the file.
        name: of the format.
        version: that is understood.
        keys: what the object must have besides.
        instead: what to do where it is another file.
        anew: what to do where it is of another version, or not whole.

    Returns:
        The object.

    Raises:
        InputError: there is no such file, it is not JSON, or not of this format and version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {instead}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); {instead}.") from None
    if not isinstance(content, dict) or content.get("format") != name:
        raise InputError(f'{path} has no "format": "{name}"; {instead}.')
    if content.get("format_version") != version:
        raise InputError(
            f"{path} has format version {content.get('format_version')}, but this genelm reads {version}; {anew}."
        )
    if missing := set(keys) - content.keys():
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}; {anew}.")
    return content
