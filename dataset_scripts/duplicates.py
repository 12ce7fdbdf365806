"""Equal sequences and equal ids: which genes of a build are left out because another one is already there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .store import GeneStore

PRECEDENCE = ("test", "validation", "train", "input", "extra")
"""Of two equal genes the one in the earlier part stays: what models are judged on is never changed by what they are
trained on."""


def reasons_to_leave_out(store: GeneStore) -> npt.NDArray[np.str_]:
    """Say of each gene why it is left out, or an empty string where it stays.

    The reasons are `duplicate` and `reverse_complement` for a sequence that an earlier gene of the same part has on
    the same or on the other strand, these with `_of_<part>` for a gene of another part, and `gene_id_twice` for
    another sequence under an id that is taken. Within a test or validation set that files give, a reverse
    complement stays: nothing leaks by it, and the paper's test set has one, which its figures count.

    Args:
        store: the genes of all parts.

    Returns:
        Reasons, shape `[n_genes]`.
    """
    parts = np.array(store.parts)
    reasons = np.full(len(store), "", dtype="U40")
    first_with: dict[bytes, int] = {}
    gene_ids: set[str] = set()
    for part in PRECEDENCE:
        for i in np.flatnonzero(parts == part).tolist():
            first = first_with.setdefault(store.digests[i], i)
            if first != i:
                same_strand = store.is_reversed[first] == store.is_reversed[i]
                reason = "duplicate" if same_strand else "reverse_complement"
                if store.parts[first] != part:
                    reasons[i] = f"{reason}_of_{store.parts[first]}"
                elif same_strand or part not in ("test", "validation"):
                    reasons[i] = reason
            elif store.gene_ids[i] in gene_ids:
                reasons[i] = "gene_id_twice"
                del first_with[store.digests[i]]
            else:
                gene_ids.add(store.gene_ids[i])
    return reasons


def same_parent_pairs(parents: Sequence[str]) -> npt.NDArray[np.int64]:
    """Pair each piece of a gene with the gene's first piece, shape `[n_pairs, 2]`."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(parent, i), i) for i, parent in enumerate(parents)]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)
