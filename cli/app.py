"""What all commands of `genelm` have in common.

Their help is text as it is written, not markup, and an option that takes one value is given once.
"""

import copy
from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from genelm.storage import InputError, check_given_once


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

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = list(args)  # the parser uses the list up
        rest = super().parse_args(ctx, args)
        _check_given_once(self, ctx, words)
        return rest


class _Group(TyperGroup):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _escape_help(self)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = list(args)
        rest = super().parse_args(ctx, args)
        _check_given_once(self, ctx, words)
        return rest


def _escape_help(command: TyperCommand | TyperGroup) -> None:
    """Keep what stands in brackets, such as a default, from being read as the name of a style and left out."""
    if command.rich_markup_mode != "rich":
        return
    command.help = escape(command.help or "")
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            parameter.help = escape(text)  # type: ignore[attr-defined]


def _check_given_once(command: TyperCommand | TyperGroup, ctx: Any, words: list[str]) -> None:
    """Read a command line as if all options were lists, and refuse those that are none and have several values."""
    parser = command.make_parser(ctx)
    single: list[Any] = [
        option for option in command.get_params(ctx) if option.param_type_name == "option" and not option.multiple
    ]
    for option in map(copy.copy, single):
        option.multiple = True
        option.add_to_parser(parser, ctx)
    given, _, _ = parser.parse_args(words)
    for option in single:
        values = given.get(option.name) or []
        if not option.is_flag:
            said = [" ".join(value) if isinstance(value, tuple) else value for value in values]
            check_given_once(option.opts[0], said)
        elif len(set(values)) > 1:
            raise InputError(
                f"{option.opts[0]} and {option.secondary_opts[0]} contradict each other; give one of them."
            )
