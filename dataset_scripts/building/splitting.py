"""Which gene goes into which split: at random, by chromosome or by similarity, from names and a seed alone."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError

from ..genes import SPLITS


def split_at_random(keys: Sequence[str], fractions: tuple[float, float, float], seed: int) -> dict[str, list[int]]:
    """Return a random split into train, validation and test.

    Keys are ranked by the SHA-256 of seed and key, and the ranks are cut by `fractions`. So the split is the same on
    every machine and with every version of every library, and does not depend on the order of the file.

    Args:
        keys: one name a gene. Genes with the same key, such as windows of one gene, go into the same split.
        fractions: shares of train, validation and test, adding up to 1.
        seed: another seed gives another split.

    Returns:
        Split -> positions in `keys`, ascending. Numbers of keys are the shares to within one.
    """
    ranked = sorted(set(keys), key=lambda key: _rank(seed, key))
    end_of_train = round(fractions[0] * len(ranked))
    end_of_validation = round((fractions[0] + fractions[1]) * len(ranked))
    chosen = dict.fromkeys(ranked[:end_of_train], "train")
    chosen |= dict.fromkeys(ranked[end_of_train:end_of_validation], "validation")
    return _positions([chosen.get(key, "test") for key in keys])


def split_by_cluster(
    labels: npt.NDArray[np.int64], gene_ids: Sequence[str], fractions: tuple[float, float, float], seed: int
) -> dict[str, list[int]]:
    """Return a random split into train, validation and test in which no cluster is in two of them.

    Clusters are taken in a random order, and each falls to a split with the chance of what that split still lacks; one
    that is larger than that goes to the split that lacks most. Clusters larger than the smallest split come first, so
    the largest families are in training.

    Args:
        labels: the cluster of each gene, shape `[n_genes]`.
        gene_ids: id of each gene; a cluster is known by the first of its ids in the order of the alphabet.
        fractions: shares of train, validation and test, adding up to 1.
        seed: another seed gives another split.

    Returns:
        Split -> positions of its genes, ascending.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        members[label].append(i)
    smallest_split = min(fractions) * len(gene_ids)
    ranks = {label: _rank(seed, min(gene_ids[i] for i in genes)) for label, genes in members.items()}
    order = sorted(
        members,
        key=lambda label: (-len(members[label]) if len(members[label]) > smallest_split else 0, ranks[label]),
    )
    lacking = [fraction * len(gene_ids) for fraction in fractions]
    chosen = [""] * len(gene_ids)
    for label in order:
        genes = members[label]
        room = np.cumsum(np.maximum(lacking, 0))
        drawn = int.from_bytes(ranks[label][8:16], "big") / 2**64  # other bytes than those that decide the order
        split = int(np.searchsorted(room[:2], drawn * room[2], side="right"))
        if len(genes) > lacking[split]:
            split = int(np.argmax(lacking))
        lacking[split] -= len(genes)
        for i in genes:
            chosen[i] = SPLITS[split]
    return _positions(chosen)


def split_by_chromosome(
    chromosomes: Sequence[str | None], validation: Sequence[str], test: Sequence[str]
) -> dict[str, list[int]]:
    """Return a split in which the genes of some chromosomes are for validation and test, and all others for training.

    Args:
        chromosomes: the chromosome of each gene; genes without one are in no split.
        validation: chromosomes of the validation split.
        test: chromosomes of the test split.

    Returns:
        Split -> positions of its genes, ascending.

    Raises:
        InputError: no gene lies on a chromosome that is named.
    """
    known = sorted({name for name in chromosomes if name is not None})
    if missing := [name for name in (*validation, *test) if name not in known]:
        raise InputError(
            f"No gene lies on chromosome {missing[0]}; the genes' chromosomes are {', '.join(known) or 'not known'}."
        )
    chosen = dict.fromkeys(known, "train") | dict.fromkeys(validation, "validation") | dict.fromkeys(test, "test")
    return _positions([chosen.get(name, "") if name is not None else "" for name in chromosomes])


def _rank(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _positions(chosen: Sequence[str]) -> dict[str, list[int]]:
    return {split: [i for i, name in enumerate(chosen) if name == split] for split in SPLITS}
