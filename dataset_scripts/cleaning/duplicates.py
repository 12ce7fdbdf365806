"""Equal sequences and equal ids: which genes of a build are dropped because another one is already there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..genes import GeneStore

PRECEDENCE = ("test", "validation", "train", "input", "extra")
"""Of two equal genes the one in the earlier part stays: what models are judged on is never changed by what they are
trained on."""


def reasons_to_drop(store: GeneStore) -> npt.NDArray[np.str_]:
    """Return of each gene why it is dropped, or an empty string where it stays.

    The reasons are `duplicate` and `reverse_complement` for a sequence that an earlier gene of the same part has on
    the same or on the other strand, these with `_of_<part>` for a gene of another part, and `gene_id_twice` for
    another sequence under an id that is taken, or for a piece of another gene than that of which the id is. Within a
    test or validation set that files give, a reverse complement stays: nothing leaks by it, and the paper's test set
    has one, which its figures count.

    Args:
        store: the genes of all parts.

    Returns:
        Reasons, shape `[n_genes]`.
    """
    parts = np.array(store.parts)
    reasons = np.full(len(store), "", dtype="U40")
    kept: dict[tuple[bytes, bool], int] = {}  # by sequence: the digest of both strands, and which of them it is
    kept_ids: set[str] = set()
    row_of: dict[str, int] = {}  # by the id of a gene, whole or in pieces
    for part in PRECEDENCE:
        for i in np.flatnonzero(parts == part).tolist():
            digest, is_reversed = store.digests[i], store.is_reversed[i]
            gene, row = store.parents[i], store.rows[i]
            same, reverse = kept.get((digest, is_reversed)), kept.get((digest, not is_reversed))
            if same is not None:
                reasons[i] = _as_named("duplicate", store.parts[same], part)
            elif reverse is not None and (store.parts[reverse] != part or part not in ("test", "validation")):
                reasons[i] = _as_named("reverse_complement", store.parts[reverse], part)
            elif store.gene_ids[i] in kept_ids or row_of.get(gene, row) != row:
                reasons[i] = "gene_id_twice"
            else:
                kept[digest, is_reversed] = i
                kept_ids.add(store.gene_ids[i])
                row_of[gene] = row
    return reasons


def _as_named(reason: str, kept_in: str, part: str) -> str:
    return reason if kept_in == part else f"{reason}_of_{kept_in}"


def same_parent_pairs(parents: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the pairs of a gene's first piece with each of its other pieces.

    Args:
        parents: id of the gene that each piece was cut from, shape `[n_genes]`.

    Returns:
        Positions of the two pieces of each pair, the smaller first, shape `[n_pairs, 2]`.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(parent, i), i) for i, parent in enumerate(parents)]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)
