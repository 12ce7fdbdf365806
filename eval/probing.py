"""The task "probing": do a model's hidden states know what kind of gene they read?

A gene's features are the mean of its hidden states. Two simple classifiers, the probes, learn the class of genes from
them and are asked about genes of clusters they have not seen: a copy of a known gene must not pass for knowledge.
Counts of k-mers are the baseline that any model should beat, and the features of one without hidden states. Source:
Alain and Bengio, Understanding intermediate layers using linear classifier probes (2016), arXiv:1610.01644.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from genelm.storage import InputError
from genelm.tokenization import BOS_ID, UNK_ID, encode

from .batches import gene_batches, sum_over_processes, this_process
from .bootstrap import Interval, ratio_interval, statistic_interval
from .joined_genes import join_genes, kmers
from .partial_results import PartialResults
from .results import ALL, Measurement
from .scoring import MAX_POSITIONS, FloatArray, check_lengths

TASK, TASK_VERSION = "probing", 1

MIN_GENES, MIN_CLUSTERS = 30, 5
"""Of a class that takes part; one of fewer clusters could not be in every fold."""

FOLDS, INNER_FOLDS = 5, 3
NEIGHBORS = 10
C_VALUES = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the penalty of the linear probe, of which each fold chooses one."""

_KIND = "mean hidden states"

_TOLERANCE, _MAX_ITERATIONS = 1e-3, 10_000

IntArray = npt.NDArray[np.int64]

_ROOT = re.compile(r"[A-Z]{2,}(?=[0-9])")
_PLACEHOLDERS = {"LOC", "LINC", "FAM", "KIAA"}


def symbol_root(symbol: str | None) -> str | None:
    """Give the root of a gene symbol, which names its family, such as `MIR` of `MIR7152`, or None where it has none.

    Source: Bruford et al., Guidelines for human gene nomenclature, Nature Genetics 52 (2020): genes of a family share
    the root of their symbols, and the letters before the first digit are it. Placeholders such as `LOC` are no family.
    """
    found = _ROOT.match(symbol or "")
    return found.group() if found and found.group() not in _PLACEHOLDERS else None


@torch.no_grad()
def mean_hidden_states(
    model: PreTrainedModel,
    sequences: Sequence[str],
    *,
    max_positions: int = MAX_POSITIONS,
    description: str | None = None,
    cache: PartialResults | None = None,
) -> FloatArray | None:
    """Average the hidden states of the last layer over the bases of each gene.

    The state at a base has seen the gene up to and with that base. Like scores, the means do not depend on the batch,
    and under several processes each reads its share and every one gets all of them.

    Args:
        model: a causal language model over the vocabulary of `genelm.tokenization`; it is run where it is.
        sequences: genes as letters.
        max_positions: positions of a batch, padding included.
        description: label of the progress bar; no bar where it is None.
        cache: as for `score_genes`.

    Returns:
        Means over the A, C, G, T positions, float64, shape `[n_genes, width]`; zeros for a gene without a base. None
        for a model that is nothing but its head and has no hidden states, such as an n-gram.

    Raises:
        InputError: a gene is longer than the model has positions for, or a hidden state is not finite.
    """
    body = model.base_model  # the model without its head; an n-gram is its own
    if body is model:
        return None
    encoded = [encode(sequence) for sequence in sequences]
    check_lengths(model, [len(ids) for ids in encoded])
    beginning = torch.tensor([[BOS_ID]], device=model.device)
    width = body(input_ids=beginning).last_hidden_state.shape[-1]
    cache = cache if this_process().num_processes == 1 else None
    means = np.zeros((len(encoded), width)) if cache is None else cache.read_rows(_KIND, encoded, width)
    is_done = np.zeros(len(encoded), dtype=bool) if cache is None else ~np.isnan(means[:, 0])
    means[~is_done] = 0.0
    for batch, tokens in gene_batches(body, encoded, max_positions, description, is_done):
        states = body(input_ids=tokens, use_cache=False).last_hidden_state.cpu().double().numpy()
        for row, gene in enumerate(batch):
            ids = encoded[gene]
            if (ids != UNK_ID).any():
                means[gene] = states[row, 1 : len(ids) + 1][ids != UNK_ID].mean(axis=0)
            if cache is not None:
                cache.write_row(_KIND, ids, means[gene])
    means = sum_over_processes(means)
    if not np.isfinite(means).all():
        raise InputError(
            "the model gives hidden states that are no numbers; its weights are damaged or its training diverged."
        )
    return means


def kmer_counts(sequences: Sequence[str], k: int = 4) -> FloatArray:
    """Give the share that each k-mer has among the k-mers of a gene.

    Args:
        sequences: genes as letters. A k-mer with a letter other than A, C, G, T is not counted.
        k: bases of a k-mer.

    Returns:
        Relative frequencies, shape `[n_genes, 4 ** k]`, k-mers in alphabetical order; zeros for a gene without one.
    """
    genes = join_genes(sequences)
    places = genes.owners[genes.runs >= k] * 4**k + kmers(genes, k)
    counts = np.bincount(places, minlength=len(sequences) * 4**k).reshape(len(sequences), 4**k)
    return counts / np.maximum(1, counts.sum(axis=1, keepdims=True))


def measure_probing(
    features: FloatArray,
    *,
    labels: Sequence[str | None],
    label_name: str,
    clusters: npt.NDArray[np.str_],
    n_bases: npt.NDArray[np.int64],
    seed: int,
) -> list[Measurement]:
    """Measure how well probes tell the class of a gene from its features.

    Classes of at least `MIN_GENES` genes in at least `MIN_CLUSTERS` clusters take part; genes of other classes or of
    none are left out. Each gene is predicted once, by probes fitted to the four folds of five that share no cluster
    with its own; folds depend on classes, clusters and seed alone. Probes are the ten nearest neighbors by cosine
    distance and multinomial logistic regression, which weighs classes equally, as balanced accuracy does: its plain
    accuracy may be below that of always naming the most frequent class. Features are standardised by the training
    folds, and the penalty is chosen within them, again across clusters.

    Args:
        features: of each gene, finite, shape `[n_genes, width]`.
        labels: class of each gene, or None.
        label_name: what the classes are, such as `gene_type`; the group of the measurements.
        clusters: cluster of each gene, shape `[n_genes]`.
        n_bases: A, C, G, T positions of each gene, shape `[n_genes]`.
        seed: of the folds and the bootstrap.

    Returns:
        For both probes accuracy and balanced accuracy, the mean recall of the classes; what both are without any
        knowledge; and the recall of each class. Intervals draw clusters; where a draw misses a class, its balanced
        accuracy is over the others. A recall's draws are of clusters with that class.

    Raises:
        InputError: fewer than two classes have enough genes and clusters.
    """
    given, names = _classes(labels, clusters)
    if len(names) < 2:
        raise InputError(
            f"Probing needs two classes of {label_name} with at least {MIN_GENES} genes in {MIN_CLUSTERS} clusters "
            f"each, but there {'is one' if names else 'is none'}; give more genes."
        )
    members = np.isin(given, names)
    classes, groups, bases = np.searchsorted(names, given[members]), clusters[members], n_bases[members]

    def measurement(
        metric: str,
        value: float,
        interval: Interval | None,
        of: npt.NDArray[np.bool_] | slice = slice(None),
        group: str = label_name,
        stratum: str = ALL,
    ) -> Measurement:
        return Measurement(
            task=TASK,
            task_version=TASK_VERSION,
            convention="genelm",
            metric=metric,
            units="",
            group=group,
            stratum=stratum,
            value=value,
            confidence_interval=interval,
            n_genes=len(bases[of]),
            n_bases=int(bases[of].sum()),
        )

    def share(metric: str, right: npt.NDArray[np.bool_], of: Any = slice(None), **where: str) -> Measurement:
        interval = ratio_interval(right[of], np.ones(len(right[of])), clusters=groups[of], seed=seed)
        return measurement(metric, float(np.mean(right[of])), interval, of, **where)

    measurements = [
        share("majority_accuracy", classes == np.bincount(classes).argmax()),
        measurement("chance_balanced_accuracy", 1 / len(names), None),
    ]
    for probe, predicted in _predictions(features[members], classes, groups, seed):
        right = predicted == classes
        interval = _balanced_accuracy_interval(classes, right, groups, seed)
        measurements.append(measurement(f"{probe}_balanced_accuracy", balanced_accuracy(classes, right), interval))
        measurements.append(share(f"{probe}_accuracy", right))
        for number, name in enumerate(names):
            of = classes == number
            measurements.append(share(f"{probe}_recall", right, of, group=f"{label_name} by class", stratum=name))
    return measurements


def has_classes(labels: Sequence[str | None], clusters: npt.NDArray[np.str_]) -> bool:
    """Say whether there are two classes to tell apart; arguments as for `measure_probing`."""
    return len(_classes(labels, clusters)[1]) > 1


def balanced_accuracy(classes: IntArray, right: npt.NDArray[np.bool_]) -> float:
    """Give the mean over the classes of the share of their genes that is predicted right.

    Args:
        classes: number of the class of each gene, shape `[n_genes]`; a number that does not occur is no class.
        right: whether each gene is predicted right, shape `[n_genes]`.
    """
    n_genes, n_right = np.bincount(classes), np.bincount(classes, weights=right)
    return float(np.mean(n_right[n_genes > 0] / n_genes[n_genes > 0]))


def _balanced_accuracy_interval(
    classes: IntArray, right: npt.NDArray[np.bool_], clusters: npt.NDArray[np.str_], seed: int
) -> Interval | None:
    return statistic_interval(
        lambda drawn: balanced_accuracy(classes[drawn], right[drawn]), len(classes), clusters=clusters, seed=seed
    )


def _classes(labels: Sequence[str | None], clusters: npt.NDArray[np.str_]) -> tuple[npt.NDArray[np.str_], list[str]]:
    """Give the label of each gene, empty where it has none, and the labels that take part."""
    given = np.array([label or "" for label in labels], dtype=np.str_)
    return given, [name for name in np.unique(given).tolist() if name and _takes_part(given == name, clusters)]


def _takes_part(members: npt.NDArray[np.bool_], clusters: npt.NDArray[np.str_]) -> bool:
    return members.sum() >= MIN_GENES and len(np.unique(clusters[members])) >= MIN_CLUSTERS


def _predictions(
    features: FloatArray, classes: IntArray, clusters: npt.NDArray[np.str_], seed: int
) -> Iterator[tuple[str, IntArray]]:
    """Give the name of each probe and the class it predicts for each gene, out of fold."""
    from sklearn.linear_model import LogisticRegression  # here, so that this task alone waits for it
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    def neighbors(train: IntArray) -> Any:
        # Near neighbors count more, or equal votes would all go to the class that is first.
        few = min(NEIGHBORS, len(train))
        return make_pipeline(StandardScaler(), KNeighborsClassifier(few, metric="cosine", weights="distance"))

    def linear(train: IntArray) -> Any:
        inner = StratifiedGroupKFold(INNER_FOLDS, shuffle=True, random_state=seed)
        known, told, groups = features[train], classes[train], clusters[train]
        candidates = [
            make_pipeline(
                StandardScaler(),
                LogisticRegression(C=c, class_weight="balanced", tol=_TOLERANCE, max_iter=_MAX_ITERATIONS),
            )
            for c in C_VALUES
        ]
        return max(
            candidates,
            key=lambda probe: balanced_accuracy(
                told, cross_val_predict(probe, known, told, groups=groups, cv=inner) == told
            ),
        )

    folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(features, classes, clusters))
    for name, probe in (("knn", neighbors), ("linear", linear)):
        predicted = np.empty_like(classes)
        # One thread: the matrices are small, and threads that wait for busy cores cost a hundred times as much.
        with threadpool_limits(1):
            for train, test in folds:
                predicted[test] = probe(train).fit(features[train], classes[train]).predict(features[test])
        yield name, predicted
