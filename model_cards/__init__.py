"""Cards rendered from what was measured and recorded, and publishing to the Hub."""

from .cards import render_dataset_card, render_model_card
from .publishing import publish

__all__ = ["publish", "render_dataset_card", "render_model_card"]
