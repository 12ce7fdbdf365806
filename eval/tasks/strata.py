"""The parts that the genes of a split are divided into: by familiarity, length and type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genelm.dataset_scripts import STRATA

from ..results import ALL

_LENGTHS = (100, 300, 600)


@dataclass(frozen=True)
class Stratum:
    """Some of the genes of a split.

    Attributes:
        group: what the genes are divided by.
        name: of the part.
        members: which genes are in it, shape `[n_genes]`.
        n_bases: A, C, G, T positions of each of them, shape `[n_members]`.
    """

    group: str
    name: str
    members: npt.NDArray[np.bool_]
    n_bases: npt.NDArray[np.int64]


def gene_strata(
    n_bases: npt.NDArray[np.int64], familiarity: npt.NDArray[np.str_], gene_types: Sequence[str | None]
) -> Iterator[Stratum]:
    """Yield all genes, then their strata of familiarity, length and type, each that has a base.

    Args:
        n_bases: A, C, G, T positions of each gene, shape `[n_genes]`.
        familiarity: the stratum of each gene.
        gene_types: the type of each gene; None goes under "not given".
    """
    types = np.array([gene_type or "not given" for gene_type in gene_types], dtype=np.str_)
    for group, labels, order in (
        (ALL, np.full(len(types), ALL), [ALL]),
        ("familiarity", familiarity, STRATA),
        ("length", length_strata(n_bases), length_strata(np.array([*_LENGTHS, _LENGTHS[-1] + 1])).tolist()),
        ("gene_type", types, sorted(set(types.tolist()))),
    ):
        for name in order:
            members = labels == name
            if group == ALL or n_bases[members].any():
                yield Stratum(group, name, members, n_bases[members])


def length_strata(n_bases: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Return the name of the stratum of each length, `up to 100` to `over 600`."""
    middle = [f"{below + 1} to {limit}" for below, limit in pairwise(_LENGTHS)]
    names = np.array([f"up to {_LENGTHS[0]}", *middle, f"over {_LENGTHS[-1]}"], dtype=np.str_)
    return names[np.searchsorted(_LENGTHS, n_bases)]
