"""Whether the options of a configuration are of their types; both families ask.

The file stands alone: it travels to the Hub beside the models.
"""

from typing import Any


def check_fields(config: Any, **kinds: type | tuple[type, ...]) -> None:
    """Refuse options that are of another type: YAML and JSON make texts of many a number.

    Args:
        config: has the options as attributes.
        kinds: the type of each option; a truth value is no number.

    Raises:
        ValueError: names the first that is of another type.
    """
    for name, kind in kinds.items():
        value = getattr(config, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
            raise ValueError(f"{name} is {value!r}; it must be of type {names}")
