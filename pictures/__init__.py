"""The look that all pictures of genelm share, and how they reach a file."""

from .style import COLORS, GRAY, STYLE, save_picture
from .training_curve import draw_training_curve

__all__ = ["COLORS", "GRAY", "STYLE", "draw_training_curve", "save_picture"]
