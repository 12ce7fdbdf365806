"""Files of ours that say what they are: JSON objects with `format` and `format_version`, and a declared schema."""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .atomic import write_json
from .errors import InputError

Schema = TypeVar("Schema")


def read_format(path: Path, name: str, version: int, schema: type[Schema], *, expected: str, remedy: str) -> Schema:
    """Return what a file of some format holds.

    Args:
        path: of the file.
        name: of the format.
        version: that is understood.
        schema: a dataclass, of which the file holds the fields.
        expected: what to give where it is another file, such as "give a results file".
        remedy: what to do where it is of another version, or not whole, such as "evaluate the model again".

    Raises:
        InputError: there is no such file, it is not JSON, not of this format and version, or does not fit the schema.
    """
    content = read_object(path, name, version, expected=expected, remedy=remedy)
    return convert(content, schema, path, remedy)


def read_object(path: Path, name: str, version: int, *, expected: str, remedy: str) -> dict[str, Any]:
    """Return the object in a file of some format; arguments and errors are those of `read_format`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {expected}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); {expected}.") from None
    if not isinstance(content, dict) or content.get("format") != name:
        raise InputError(f'{path} has no "format": "{name}"; {expected}.')
    if content.get("format_version") != version:
        raise InputError(
            f"{path} has format version {content.get('format_version')}, but this genelm reads {version}; {remedy}."
        )
    return content


def convert(content: dict[str, Any], schema: type[Schema], path: Path, remedy: str) -> Schema:
    """Return an object as the dataclass that declares its fields.

    Args:
        content: from a JSON file.
        schema: a dataclass; keys that it does not have are left aside.
        path: of the file, for errors.
        remedy: what to do where it does not fit.

    Raises:
        InputError: a field is missing or of another type; names the file and the place in it.
    """
    needed = [
        field.name
        for field in dataclasses.fields(schema)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing := set(needed) - content.keys():
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}; {remedy}.")
    try:
        return msgspec.convert(content, schema)
    except msgspec.ValidationError as error:
        raise InputError(f"{path} does not hold what it should ({error}); {remedy}.") from None


def write_format(path: Path, name: str, version: int, content: Any) -> None:
    """Write a dataclass as a file of some format.

    Args:
        path: of the file.
        name: of the format.
        version: of the format.
        content: a dataclass whose fields are JSON values or dataclasses.
    """
    write_json(path, {"format": name, "format_version": version, **msgspec.to_builtins(content)})
