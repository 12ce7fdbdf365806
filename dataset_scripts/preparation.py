"""From a config to the genes of each split: read, clean, drop duplicates, cluster, split, compare with training."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from genelm.storage import InputError

from .cleaning import Dropped, clean
from .config import HumanGenesConfig
from .containment import contained
from .duplicates import reasons_to_leave_out, same_parent_pairs
from .familiarity import shared_fractions
from .genes import SPLITS, Gene, SourceGene
from .similarity import cluster_labels, similar_pairs, similar_to_evaluation
from .sources import Source, open_sources
from .splitting import split_at_random, split_by_chromosome, split_by_cluster
from .store import GeneStore

Positions = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]


@dataclass
class PreparedGenes:
    """The genes of each split and the account of how they came to be.

    Args:
        store: the genes read, on a disk.
        splits: split -> positions of its genes in the store, ascending, none empty.
        cluster_ids: id of the first gene of each gene's cluster, by position in the store; None where none was sought.
        familiarity: share of each gene's 24-mers that the training genes have, by position in the store.
        similar_to_training: split -> number of genes that are similar to a training gene; None where none was sought.
        inputs: what each source says of its files, for the manifest.
        origin: what the sources say of where genes come from: organism, assembly, license, citation.
        dropped: part of the build -> reason -> number of genes.
    """

    store: GeneStore
    splits: dict[str, Positions]
    cluster_ids: list[str] | None
    familiarity: npt.NDArray[np.float64]
    similar_to_training: dict[str, int] | None
    inputs: list[dict[str, Any]]
    origin: dict[str, Any]
    dropped: dict[str, dict[str, int]]

    def genes(self, split: str) -> Iterator[Gene]:
        """Read the genes of a split from the disk, whole rows."""
        for table, positions in self.store.tables(self.splits[split]):
            for gene, i in zip(table.to_pylist(), positions.tolist(), strict=True):
                gene["cluster_id"] = self.cluster_ids[i] if self.cluster_ids is not None else None
                gene["familiarity"] = float(self.familiarity[i])
                yield cast(Gene, gene)


def prepare_genes(config: HumanGenesConfig, store_file: Path) -> PreparedGenes:
    """Read, clean, drop duplicates, cluster, split, and compare with the training genes.

    Args:
        config: what to build.
        store_file: where cleaned genes are kept until they are written into splits; the caller removes it.

    Raises:
        InputError: a file cannot be used, or a split ends up empty.
    """
    reading = _read(config, store_file)
    store, dropped = reading.store, reading.dropped
    reasons = reasons_to_leave_out(store)
    _count(dropped, store, reasons)
    kept = np.flatnonzero(reasons == "")
    pairs = _find_pairs(store, kept, config)
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
        cluster_ids=None if pairs is None else _cluster_ids(store, every, pairs),
        familiarity=shares,
        similar_to_training=None if pairs is None else _count_similar(splits, pairs, len(store)),
        inputs=reading.inputs,
        origin=reading.origin,
        dropped={part: dict(sorted(counts.items())) for part, counts in dropped.items()},
    )


@dataclass
class _Reading:
    store: GeneStore
    inputs: list[dict[str, Any]] = field(default_factory=list)
    origin: dict[str, Any] = field(default_factory=dict)
    dropped: dict[str, Dropped] = field(default_factory=dict)


def _read(config: HumanGenesConfig, store_file: Path) -> _Reading:
    reading = _Reading(GeneStore(store_file))
    for source in open_sources(config):
        dropped = reading.dropped.setdefault(source.part, Counter())
        reading.inputs.append(_read_source(source, reading.store, config, dropped))
        reading.origin |= source.origin
    reading.store.close()
    return reading


def _read_source(source: Source, store: GeneStore, config: HumanGenesConfig, dropped: Dropped) -> dict[str, Any]:
    before, left_out, cleaned_out = len(store), Counter(source.dropped), Counter[str]()
    rows = 0

    def counted() -> Iterator[SourceGene]:
        nonlocal rows
        for rows, gene in enumerate(source.read(left_out), start=1):  # noqa: B007
            yield gene

    for gene, parent in clean(counted(), config.rules, cleaned_out):
        gene["source"] = source.label
        store.add(gene, parent, source.part)
    rows += left_out.total()
    reasons = left_out + cleaned_out
    dropped.update(reasons)
    if len(store) == before:
        raise InputError(
            f"None of the {rows} genes in {source.entry['file']} is left after cleaning ({_listed(reasons)}); give "
            f"other genes or other limits on their length (now {config.min_length} to {config.max_length or 'any'} "
            "bases)."
        )
    return source.entry | {"rows": rows}


def _find_pairs(store: GeneStore, kept: Positions, config: HumanGenesConfig) -> Pairs | None:
    """Give the pairs of genes that are similar, or pieces of one gene, by their positions in the store."""
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
    return kept[np.concatenate([found, same_parent_pairs([store.parents[i] for i in kept])])]


def _split(
    store: GeneStore, kept: Positions, pairs: Pairs | None, config: HumanGenesConfig, dropped: dict[str, Dropped]
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
        if without := chromosomes.count(None):
            dropped["input"]["no_chromosome"] = without
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
    config: HumanGenesConfig,
    dropped: dict[str, Dropped],
) -> Positions:
    """Add to the training genes the extra ones, save those that hold an evaluation gene or are part of one."""
    extra = kept[np.array(store.parts)[kept] == "extra"]
    if not len(extra):
        return splits["train"]
    evaluation = np.sort(np.concatenate([splits["validation"], splits["test"]]))
    same = contained(store.sequences(evaluation), store.sequences(extra))
    dropped["extra"]["contains_or_in_evaluation_gene"] = int(same.sum())
    extra = extra[~same]
    if config.split == "similarity":
        assert pairs is not None
        similar = _partners(pairs, evaluation, len(store))[extra]
        dropped["extra"]["similar_to_evaluation_gene"] += int(similar.sum())
        extra = extra[~similar]
    return np.sort(np.concatenate([splits["train"], extra]))


def _without_similar_genes(
    store: GeneStore, splits: dict[str, Positions], config: HumanGenesConfig, dropped: dict[str, Dropped]
) -> Positions:
    """Take from the training genes the few that only a closer look finds similar to an evaluation gene."""
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
    for i in similar.tolist():
        dropped[store.parts[i]]["similar_to_evaluation_gene"] += 1
    return np.setdiff1d(splits["train"], similar, assume_unique=True)


def _labels(chosen: Positions, pairs: Pairs, n_genes: int) -> npt.NDArray[np.int64]:
    """Cluster some genes by the pairs among them alone."""
    place = np.full(n_genes, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    among = place[pairs]
    return cluster_labels(len(chosen), among[(among >= 0).all(axis=1)])


def _cluster_ids(store: GeneStore, chosen: Positions, pairs: Pairs) -> list[str]:
    ids = list(store.gene_ids)
    first: dict[int, str] = {}
    for i, label in zip(chosen.tolist(), _labels(chosen, pairs, len(store)).tolist(), strict=True):
        ids[i] = first.setdefault(label, store.gene_ids[i])
    return ids


def _partners(pairs: Pairs, chosen: Positions, n_genes: int) -> npt.NDArray[np.bool_]:
    """Say of each gene whether it is paired with one of the chosen."""
    is_chosen, paired = np.zeros(n_genes, dtype=bool), np.zeros(n_genes, dtype=bool)
    is_chosen[chosen] = True
    for one, other in (pairs.T, pairs.T[::-1]):
        paired[one[is_chosen[other]]] = True
    return paired


def _count_similar(splits: dict[str, Positions], pairs: Pairs, n_genes: int) -> dict[str, int]:
    paired = _partners(pairs, splits["train"], n_genes)
    return {split: int(paired[splits[split]].sum()) for split in ("validation", "test")}


def _count(dropped: dict[str, Dropped], store: GeneStore, reasons: npt.NDArray[np.str_]) -> None:
    for i in np.flatnonzero(reasons != "").tolist():
        dropped[store.parts[i]][str(reasons[i])] += 1


def _check_not_empty(splits: dict[str, Positions], dropped: dict[str, Dropped]) -> None:
    for split in SPLITS:
        if not len(splits[split]):
            total = sum(len(positions) for positions in splits.values())
            raise InputError(
                f"The {split} split is empty: {total} genes are left for all splits, and dropped were "
                f"{_listed(dropped.get(split, dropped.get('input', Counter())))}; give more genes or other files."
            )


def _listed(dropped: Dropped) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "none"
