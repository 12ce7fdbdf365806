"""Arguments that several commands have in common."""

from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="Folder of a model, or USER/NAME on the Hub.")]

MaxPositions = Annotated[
    int | None, typer.Option(min=1, help="Positions of a batch, padding included; fewer need less memory.")
]
