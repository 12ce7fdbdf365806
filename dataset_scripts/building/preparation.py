"""From a config to the genes of each split: read, clean, drop duplicates, cluster, split, compare with training."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError

from ..cleaning import clean, reasons_to_drop, same_parent_pairs
from ..config import GeneDatasetConfig
from ..genes import SPLITS, Dropped, Gene, GeneStore, SourceGene
from ..similarity import Pairs, cluster_labels, contained, shared_fractions, similar_pairs, similar_to_evaluation
from .build_sources import Source, open_sources
from .splitting import split_at_random, split_by_chromosome, split_by_cluster

Positions = npt.NDArray[np.int64]
"""Positions of genes in the store, ascending, shape `[n_genes]`."""


class DroppedGene(NamedTuple):
    """A gene, or a piece of one, that was dropped.

    Attributes:
        part: the part of the build it was read for, such as `train`, or `input` where the split was drawn.
        reason: why, in a word.
        gene_id: its id.
        source: label of the source it came from.
    """

    part: str
    reason: str
    gene_id: str
    source: str | None


@dataclass
class PreparedGenes:
    """The genes of each split and the account of how they came to be.

    Args:
        store: the genes read, on a disk.
        splits: split -> positions of its genes in the store, ascending, none empty.
        cluster_ids: id of the first gene of each gene's cluster, by position in the store; where similar genes were
            not sought, only the pieces of one gene make a cluster.
        familiarity: k-mer containment of each gene in the training set, from 0 to 1, by position in the store.
        similar_to_training: split -> number of genes that are similar to a training gene; None where similar genes
            were not sought.
        inputs: what each source says of its files, for the manifest.
        origin: what the sources say of where genes come from: organism, assembly, license, citation.
        dropped: genes and pieces that were dropped, in the order they were.
        parts: the parts of the build, in the order they were read.
    """

    store: GeneStore
    splits: dict[str, Positions]
    cluster_ids: list[str]
    familiarity: npt.NDArray[np.float64]
    similar_to_training: dict[str, int] | None
    inputs: list[dict[str, Any]]
    origin: dict[str, Any]
    dropped: list[DroppedGene]
    parts: list[str]

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return how many genes were dropped: part of the build -> reason -> number of genes."""
        return {part: dict(sorted(_reasons(self.dropped, part).items())) for part in self.parts}

    def genes(self, split: str) -> Iterator[Gene]:
        """Read the genes of a split from the disk, with all columns, in the order of the store."""
        for table, positions in self.store.tables(self.splits[split]):
            for gene, i in zip(table.to_pylist(), positions.tolist(), strict=True):
                gene["cluster_id"] = self.cluster_ids[i]
                gene["familiarity"] = float(self.familiarity[i])
                yield cast(Gene, gene)


def prepare_genes(config: GeneDatasetConfig, store_file: Path) -> PreparedGenes:
    """Read, clean, drop duplicates, cluster, split, and compare with the training genes.

    Args:
        config: what to build.
        store_file: where cleaned genes are kept until they are written into splits; the caller removes it.

    Returns:
        The genes of each split, and what was dropped on the way.

    Raises:
        InputError: a file cannot be used, or a split ends up empty.
    """
    reading = _read(config, store_file)
    store, dropped = reading.store, reading.dropped
    reasons = reasons_to_drop(store)
    for reason in np.unique(reasons[reasons != ""]):
        dropped += _dropped_genes(store, np.flatnonzero(reasons == reason), str(reason))
    kept = np.flatnonzero(reasons == "")
    pieces = kept[same_parent_pairs([store.parents[i] for i in kept])]
    pairs = _find_pairs(store, kept, pieces, config)
    splits = _split(store, kept, pairs, config, dropped)
    splits["train"] = _with_extra_genes(store, kept, pairs, splits, config, dropped)
    if config.split == "similarity":
        splits["train"] = _without_similar_genes(store, splits, config, dropped)
    _check_not_empty(splits, dropped)
    every = np.sort(np.concatenate([splits[split] for split in SPLITS]))
    shares = np.zeros(len(store))
    shares[every] = shared_fractions(store.sequences(every), store.sequences(splits["train"]))
    return PreparedGenes(
        store=store,
        splits=splits,
        cluster_ids=_cluster_ids(store, every, pieces if pairs is None else pairs),
        familiarity=shares,
        similar_to_training=None if pairs is None else _count_similar(splits, pairs, len(store)),
        inputs=reading.inputs,
        origin=reading.origin,
        dropped=dropped,
        parts=list(reading.parts),
    )


@dataclass
class _Reading:
    store: GeneStore
    inputs: list[dict[str, Any]] = field(default_factory=list)
    origin: dict[str, Any] = field(default_factory=dict)
    dropped: list[DroppedGene] = field(default_factory=list)
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def _read(config: GeneDatasetConfig, store_file: Path) -> _Reading:
    reading = _Reading(GeneStore(store_file))
    for source in open_sources(config):
        reading.inputs.append(_read_source(source, reading, config))
        reading.origin |= source.origin
        reading.parts.setdefault(source.part, []).append(reading.inputs[-1])
    filled = set(reading.store.parts)
    for part, inputs in reading.parts.items():
        if part not in filled:
            files, rows = [entry["file"] for entry in inputs], sum(entry["rows"] for entry in inputs)
            where = files[0] if len(files) == 1 else f"the {len(files)} files from {files[0]} to {files[-1]}"
            reasons = _reasons(reading.dropped, part)
            raise InputError(
                f"None of the {rows} genes in {where} is left after cleaning ({_listed(reasons)}); give "
                f"other genes or other limits on their length (now {config.min_length} to "
                f"{config.max_length or 'any'} bases), or a window into which longer ones are cut."
            )
    reading.store.close()
    return reading


def _read_source(source: Source, reading: _Reading, config: GeneDatasetConfig) -> dict[str, Any]:
    dropped_by_source, dropped_by_rules = source.dropped, Dropped()
    rows, rows_before = 0, reading.store.rows[-1] + 1 if len(reading.store) else 0

    def counted() -> Iterator[SourceGene]:
        nonlocal rows
        for rows, gene in enumerate(source.read(dropped_by_source), start=1):  # noqa: B007
            yield gene

    for gene, parent in clean(counted(), config.rules, dropped_by_rules):
        gene["source"] = source.label
        reading.store.add(gene, parent, rows_before + rows, source.part)
    for reason, gene_id in dropped_by_source.genes + dropped_by_rules.genes:
        reading.dropped.append(DroppedGene(source.part, reason, gene_id, source.label))
    return source.entry | {"rows": rows + dropped_by_source.total()}


def _find_pairs(store: GeneStore, kept: Positions, pieces: Pairs, config: GeneDatasetConfig) -> Pairs | None:
    """Return the pairs of genes that are similar, or pieces of one gene, by their positions in the store."""
    if config.cluster_with == "none":
        return None
    assert config.threads is not None  # filled in by the config
    assert config.cluster_with is not None
    found = similar_pairs(
        store.sequences(kept),
        identity=config.identity,
        coverage=config.coverage,
        method=config.cluster_with,
        threads=config.threads,
    )
    return np.concatenate([kept[found], pieces])


def _split(
    store: GeneStore, kept: Positions, pairs: Pairs | None, config: GeneDatasetConfig, dropped: list[DroppedGene]
) -> dict[str, Positions]:
    parts = np.array(store.parts)
    if config.split == "paper":
        return {split: kept[parts[kept] == split] for split in SPLITS}
    own = kept[parts[kept] == "input"]
    if config.split == "random":
        chosen = split_at_random([store.parents[i] for i in own], config.fractions, config.seed)
    elif config.split == "chromosome":
        chromosomes = [store.chromosomes[i] for i in own]
        chosen = split_by_chromosome(chromosomes, config.validation_chromosomes, config.test_chromosomes)
        without = np.array([chromosome is None for chromosome in chromosomes], dtype=bool)
        dropped += _dropped_genes(store, own[without], "no_chromosome")
    else:
        assert pairs is not None  # the config refuses a split by similarity without a search
        labels = _labels(own, pairs, len(store))
        chosen = split_by_cluster(labels, [store.gene_ids[i] for i in own], config.fractions, config.seed)
    return {split: own[np.array(chosen[split], dtype=np.int64)] for split in SPLITS}


def _with_extra_genes(
    store: GeneStore,
    kept: Positions,
    pairs: Pairs | None,
    splits: dict[str, Positions],
    config: GeneDatasetConfig,
    dropped: list[DroppedGene],
) -> Positions:
    """Return the training genes with the extra ones, save those that hold an evaluation gene or are part of one."""
    extra = kept[np.array(store.parts)[kept] == "extra"]
    if not len(extra):
        return splits["train"]
    evaluation = np.sort(np.concatenate([splits["validation"], splits["test"]]))
    same = contained(store.sequences(evaluation), store.sequences(extra))
    dropped += _dropped_genes(store, extra[same], "contains_or_in_evaluation_gene")
    extra = extra[~same]
    if config.split == "similarity":
        assert pairs is not None
        similar = _partners(pairs, evaluation, len(store))[extra]
        dropped += _dropped_genes(store, extra[similar], "similar_to_evaluation_gene")
        extra = extra[~similar]
    return np.sort(np.concatenate([splits["train"], extra]))


def _without_similar_genes(
    store: GeneStore, splits: dict[str, Positions], config: GeneDatasetConfig, dropped: list[DroppedGene]
) -> Positions:
    """Return the training genes but the few that only a closer look finds similar to an evaluation gene."""
    assert config.threads is not None  # filled in by the config
    assert config.cluster_with is not None
    similar = splits["train"][
        similar_to_evaluation(
            store.sequences(np.sort(np.concatenate([splits["validation"], splits["test"]]))),
            store.sequences(splits["train"]),
            identity=config.identity,
            coverage=config.coverage,
            method=config.cluster_with,
            threads=config.threads,
        )
    ]
    dropped += _dropped_genes(store, similar, "similar_to_evaluation_gene")
    return np.setdiff1d(splits["train"], similar, assume_unique=True)


def _labels(chosen: Positions, pairs: Pairs, n_genes: int) -> npt.NDArray[np.int64]:
    """Return the clusters of some genes, by the pairs among them alone."""
    index = np.full(n_genes, -1, dtype=np.int64)
    index[chosen] = np.arange(len(chosen))
    among = index[pairs]
    return cluster_labels(len(chosen), among[(among >= 0).all(axis=1)])


def _cluster_ids(store: GeneStore, chosen: Positions, pairs: Pairs) -> list[str]:
    ids = list(store.gene_ids)
    first: dict[int, str] = {}
    for i, label in zip(chosen.tolist(), _labels(chosen, pairs, len(store)).tolist(), strict=True):
        ids[i] = first.setdefault(label, store.gene_ids[i])
    return ids


def _partners(pairs: Pairs, chosen: Positions, n_genes: int) -> npt.NDArray[np.bool_]:
    """Return whether each gene is paired with one of the chosen, shape `[n_genes]`."""
    is_chosen, paired = np.zeros(n_genes, dtype=bool), np.zeros(n_genes, dtype=bool)
    is_chosen[chosen] = True
    for one, other in (pairs.T, pairs.T[::-1]):
        paired[one[is_chosen[other]]] = True
    return paired


def _count_similar(splits: dict[str, Positions], pairs: Pairs, n_genes: int) -> dict[str, int]:
    paired = _partners(pairs, splits["train"], n_genes)
    return {split: int(paired[splits[split]].sum()) for split in ("validation", "test")}


def _dropped_genes(store: GeneStore, genes: Positions, reason: str) -> list[DroppedGene]:
    return [DroppedGene(store.parts[i], reason, store.gene_ids[i], store.sources[i]) for i in genes.tolist()]


def _reasons(dropped: list[DroppedGene], part: str) -> Counter[str]:
    return Counter(gene.reason for gene in dropped if gene.part == part)


def _check_not_empty(splits: dict[str, Positions], dropped: list[DroppedGene]) -> None:
    for split in SPLITS:
        if not len(splits[split]):
            total = sum(len(positions) for positions in splits.values())
            reasons = _reasons(dropped, split) or _reasons(dropped, "input")
            raise InputError(
                f"The {split} split is empty: {total} genes are left for all splits, and dropped were "
                f"{_listed(reasons)}; give more genes or other files."
            )


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "none"
