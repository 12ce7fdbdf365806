"""What a model says of variants of a reference sequence, against what is known of them."""

from .variant_effects import WINDOW, evaluate_variants, name_variants
from .variants_report import VariantsReport

__all__ = ["WINDOW", "VariantsReport", "evaluate_variants", "name_variants"]
