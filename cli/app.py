"""What all commands of `genelm` have in common: their help is text as it is written, not markup."""

from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup


class App(typer.Typer):
    """A `Typer` whose commands are of the kinds below."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=_Group, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Make a function a command, as `Typer.command` does."""
        return super().command(name, cls=_Command, **options)


class _Command(TyperCommand):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _escape_help(self)


class _Group(TyperGroup):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _escape_help(self)


def _escape_help(command: TyperCommand | TyperGroup) -> None:
    """Keep what stands in brackets, such as a default, from being read as the name of a style and left out."""
    if command.rich_markup_mode != "rich":
        return
    command.help = escape(command.help or "")
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            parameter.help = escape(text)  # type: ignore[attr-defined]
