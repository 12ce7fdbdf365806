"""Which genes, and which pieces of them, are kept: their letters, their lengths, and no copies."""

from .cleaning_rules import AMBIGUOUS_POLICIES, CleaningRules, check_letters, clean
from .duplicates import reasons_to_drop, same_parent_pairs

__all__ = [
    "AMBIGUOUS_POLICIES",
    "CleaningRules",
    "check_letters",
    "clean",
    "reasons_to_drop",
    "same_parent_pairs",
]
