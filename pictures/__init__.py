"""The look that all pictures of genelm share, and how they reach a file."""

from .style import COLORS, GRAY, STYLE, save_picture

__all__ = ["COLORS", "GRAY", "STYLE", "save_picture"]
