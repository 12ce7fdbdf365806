"""The look that all plots of genelm share, and how they reach a file."""

from .plot_style import COLORS, GRAY, STYLE, save_plot

__all__ = ["COLORS", "GRAY", "STYLE", "save_plot"]
