"""Colors and sizes of all plots, and files that are the same bytes for the same content."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genelm.storage import atomic_file

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colors, told apart by all readers."""

GRAY = "#666666"

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GRAY,
    "axes.axisbelow": True,
    "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.12,
    "svg.hashsalt": "genelm",  # identifiers in the SVG are drawn from it: the same results give the same bytes
}
"""For `matplotlib.rc_context`."""


def save_plot(figure: Figure, path: Path) -> None:
    """Write a figure to a `.png` or `.svg` file that holds neither a date nor a version."""
    with atomic_file(path) as temporary:
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(temporary, dpi=150, metadata=metadata)
