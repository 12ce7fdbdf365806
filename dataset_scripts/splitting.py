"""A random split that depends on the gene ids and the seed alone."""

import hashlib
from collections.abc import Sequence

from .genes import SPLITS


def split_at_random(gene_ids: Sequence[str], fractions: tuple[float, float, float], seed: int) -> dict[str, list[int]]:
    """Draw train, validation and test.

    Genes are ranked by the SHA-256 of seed and gene id, and the ranks are cut by `fractions`. So the split is the same
    on every machine and with every version of every library, and does not depend on the order of the file.

    Args:
        gene_ids: the genes' ids, each once.
        fractions: shares of train, validation and test, adding up to 1.
        seed: another seed gives another split.

    Returns:
        Split -> positions in `gene_ids`, ascending. Sizes are the shares to within one gene.
    """
    ranked = sorted(range(len(gene_ids)), key=lambda i: hashlib.sha256(f"{seed}:{gene_ids[i]}".encode()).digest())
    end_of_train = round(fractions[0] * len(ranked))
    end_of_validation = round((fractions[0] + fractions[1]) * len(ranked))
    parts = (ranked[:end_of_train], ranked[end_of_train:end_of_validation], ranked[end_of_validation:])
    return {split: sorted(part) for split, part in zip(SPLITS, parts, strict=True)}
