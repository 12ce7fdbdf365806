"""What a report is made of: sections of text, tables and plots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

from ..results import Results


@dataclass(frozen=True)
class Plot:
    """A plot in a report.

    Attributes:
        name: of its files, without an ending.
        caption: what it shows, for who cannot see it.
        draw: writes it to each of some paths, `.png` and `.svg`.
    """

    name: str
    caption: str
    draw: Callable[[Sequence[Path]], None]


@dataclass(frozen=True)
class Panel:
    """A part of the plot at the head of a report.

    Attributes:
        caption: what it shows, in a few words.
        draw: draws the models of some results.
    """

    caption: str
    draw: Callable[[Axes, Sequence[Results]], None]


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it.

    Attributes:
        title: the heading.
        parts: paragraphs and tables in Markdown, and plots.
    """

    title: str
    parts: Sequence[str | Plot]
