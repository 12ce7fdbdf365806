"""The task "perplexity": how well a model predicts the next base, by familiarity, length and type of the genes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from transformers import PretrainedConfig

from genelm.dataset_scripts import STRATA
from genelm.storage import InputError

from .bootstrap import Clusters, ratio_interval
from .paper import nats_and_symbols, paper_perplexity
from .results import ALL, Measurement
from .scoring import GeneScores

TASK, TASK_VERSION = "perplexity", 2
"""Version 2 has the figures of version 1 with intervals that draw clusters of genes, and figures by length."""

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


def bits_per_base(nats: npt.ArrayLike, n_bases: npt.ArrayLike) -> float:
    """Give the bits a base costs: the one definition, `sum(nats) / ln 2 / sum(n_bases)`.

    Args:
        nats: -ln p of each gene's bases, p renormalised over A, C, G, T, shape `[n_genes]`.
        n_bases: A, C, G, T positions of each gene, shape `[n_genes]`.

    Returns:
        Bits a base, every base of every gene weighing the same. Perplexity is 2 to that power.

    Raises:
        InputError: the genes have no base between them.
    """
    total = np.sum(n_bases)
    if total == 0:
        raise InputError("Bits per base need at least one base, but no gene has an A, C, G or T; give other genes.")
    return float(np.sum(nats) / math.log(2) / total)


def measure_perplexity(
    scores: GeneScores,
    config: PretrainedConfig,
    *,
    familiarity: Sequence[str] | npt.NDArray[np.str_],
    gene_types: Sequence[str | None],
    clusters: Clusters,
    seed: int,
) -> list[Measurement]:
    """Turn scores into the measurements of the task.

    Args:
        scores: of the genes.
        config: of the model that gave them.
        familiarity: the stratum of each gene.
        gene_types: the type of each gene; None goes under "not given".
        clusters: the cluster of similar genes that each gene is in; see `bootstrap`.
        seed: of the bootstrap.

    Returns:
        Bits per base, perplexity and the bits of the end per gene, in our convention, for all genes and each stratum
        of familiarity, length and gene type; perplexity in the paper's, for all genes and by familiarity. A stratum
        without a base is left out.

    Raises:
        InputError: the genes have no base between them.
    """
    names = np.arange(len(scores.n_bases)).astype(np.str_) if clusters is None else np.asarray(clusters)
    measurements: list[Measurement] = []
    for stratum in gene_strata(scores.n_bases, np.asarray(familiarity), gene_types):
        measurements += _ours(scores, stratum, names[stratum.members], seed)
        if stratum.group in (ALL, "familiarity"):
            measurements += _papers(scores, config, stratum, names[stratum.members], seed)
    return measurements


def gene_strata(
    n_bases: npt.NDArray[np.int64], familiarity: npt.NDArray[np.str_], gene_types: Sequence[str | None]
) -> Iterator[Stratum]:
    """Give all genes, then their strata of familiarity, length and type, each that has a base.

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
    """Name the stratum of each length, `up to 100` to `over 600`."""
    middle = [f"{below + 1} to {limit}" for below, limit in pairwise(_LENGTHS)]
    names = np.array([f"up to {_LENGTHS[0]}", *middle, f"over {_LENGTHS[-1]}"], dtype=np.str_)
    return names[np.searchsorted(_LENGTHS, n_bases)]


def _ours(scores: GeneScores, stratum: Stratum, clusters: npt.NDArray[np.str_], seed: int) -> Iterator[Measurement]:
    n_bases, nats = stratum.n_bases, scores.base_nats[stratum.members]
    eos_bits = scores.eos_nats[stratum.members] / math.log(2)
    bits = bits_per_base(nats, n_bases)
    interval = ratio_interval(nats / math.log(2), n_bases, clusters=clusters, seed=seed)
    powers = interval and (2 ** interval[0], 2 ** interval[1])
    eos_interval = ratio_interval(eos_bits, np.ones(len(eos_bits)), clusters=clusters, seed=seed)
    for metric, units, value, bounds in (
        ("bits_per_base", "bits/base", bits, interval),
        ("perplexity", "", 2**bits, powers),
        ("eos_bits_per_gene", "bits/gene", float(eos_bits.mean()), eos_interval),
    ):
        yield Measurement(
            task=TASK,
            task_version=TASK_VERSION,
            convention="genelm",
            metric=metric,
            units=units,
            group=stratum.group,
            stratum=stratum.name,
            value=value,
            confidence_interval=bounds,
            n_genes=len(n_bases),
            n_bases=int(n_bases.sum()),
        )


def _papers(
    scores: GeneScores, config: PretrainedConfig, stratum: Stratum, clusters: npt.NDArray[np.str_], seed: int
) -> Iterator[Measurement]:
    nats, symbols = (values[stratum.members] for values in nats_and_symbols(scores, config))
    interval = ratio_interval(nats, symbols, clusters=clusters, seed=seed)
    yield Measurement(
        task=TASK,
        task_version=TASK_VERSION,
        convention="paper",
        metric="perplexity",
        units="",
        group=stratum.group,
        stratum=stratum.name,
        value=paper_perplexity(nats, symbols),
        confidence_interval=interval and (math.exp(interval[0]), math.exp(interval[1])),
        n_genes=len(nats),
        n_bases=int(stratum.n_bases.sum()),
    )
