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

from genelm.storage import InputError
from genelm.tokenization import count_bases

from ..reporting import Section
from ..reporting.tables import MODEL_COLUMN, Column, markdown_table, metric_column
from ..results import ALL, Measurement, Results
from ..scoring import FloatArray, mean_hidden_states
from ..sequences import kmer_frequencies
from ..statistics import Interval, ratio_interval, statistic_interval
from .task import EvaluatedGenes, Task, TaskInput

MIN_GENES, MIN_CLUSTERS = 30, 5
"""Of a class that takes part; one of fewer clusters could not be in every fold."""

FOLDS, INNER_FOLDS = 5, 3
NEIGHBORS = 10
C_VALUES = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the penalty of the linear probe, of which each fold chooses one."""

_TOLERANCE, _MAX_ITERATIONS = 1e-3, 10_000

_BALANCED_METRICS = (
    ("linear, balanced accuracy", "linear_balanced_accuracy"),
    ("kNN, balanced accuracy", "knn_balanced_accuracy"),
    ("guessing", "chance_balanced_accuracy"),
)
_METRICS = (
    *_BALANCED_METRICS,
    ("linear, accuracy", "linear_accuracy"),
    ("kNN, accuracy", "knn_accuracy"),
    ("most frequent class", "majority_accuracy"),
)

IntArray = npt.NDArray[np.int64]

_ROOT = re.compile(r"[A-Z]{2,}(?=[0-9])")
_PLACEHOLDERS = {"LOC", "LINC", "FAM", "KIAA"}


class Probing(Task):
    """How well simple classifiers tell type and family of a gene from a model's hidden states."""

    name, version = "probing", 1
    summary = "whether hidden states tell type and family of a gene"
    title = "Gene type and family from hidden states"
    needs_network = True

    def check(self, given: TaskInput) -> None:
        """Refuse a split without classes to tell apart.

        Raises:
            InputError: neither types nor families have two classes with enough genes, or the model has no hidden
                states that can be read.
        """
        super().check(given)
        if not any(has_classes(labels, given.genes.clusters) for labels in _labels(given.genes).values()):
            raise InputError(
                f"Probing needs two types or families with at least {MIN_GENES} genes in {MIN_CLUSTERS} clusters "
                f"each, which the {given.split} split has not; leave the task {self.name} out."
            )

    def measure(self, given: TaskInput) -> Iterator[Measurement]:
        """Yield what `measure_features` finds for type and for family; if one has not two classes, that is noted."""
        genes = given.genes
        features = mean_hidden_states(
            given.model,
            genes.sequences,
            max_positions=given.max_positions,
            description=self.name,
            cache=given.cache,
        )
        if features is None:
            features = kmer_frequencies(genes.sequences)
        for name, labels in _labels(genes).items():
            try:
                yield from self.measure_features(
                    features,
                    labels=labels,
                    label_name=name,
                    clusters=genes.clusters,
                    n_bases=count_bases(genes.sequences),
                    seed=given.seed,
                )
            except InputError as error:
                given.notes.append(str(error))

    def measure_features(
        self,
        features: FloatArray,
        *,
        labels: Sequence[str | None],
        label_name: str,
        clusters: npt.NDArray[np.str_],
        n_bases: npt.NDArray[np.int64],
        seed: int,
    ) -> list[Measurement]:
        """Measure how well probes tell the class of a gene from its features.

        Classes of at least `MIN_GENES` genes in at least `MIN_CLUSTERS` clusters take part; genes of other classes or
        of none are left out. Each gene is predicted once, by probes fitted to the four folds of five that share no
        cluster with its own; folds depend on classes, clusters and seed alone. Probes are the ten nearest neighbors by
        cosine distance and multinomial logistic regression, which weighs classes equally, as balanced accuracy does:
        its plain accuracy may be below that of always naming the most frequent class. Features are standardised by
        the training folds, and the penalty is chosen within them, again across clusters.

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
                f"Probing needs two classes of {label_name} with at least {MIN_GENES} genes in {MIN_CLUSTERS} "
                f"clusters each, but there {'is one' if names else 'is none'}; give more genes."
            )
        members = np.isin(given, names)
        classes, groups, bases = np.searchsorted(names, given[members]), clusters[members], n_bases[members]

        def value(
            metric: str, value: float, interval: Interval | None, of: Any = slice(None), **where: str
        ) -> Measurement:
            labels = {"group": label_name, "stratum": ALL, **where}
            n_genes, n_bases = len(bases[of]), int(bases[of].sum())
            return self.measurement(metric, value, interval=interval, n_genes=n_genes, n_bases=n_bases, **labels)

        def share(metric: str, right: npt.NDArray[np.bool_], of: Any = slice(None), **where: str) -> Measurement:
            interval = ratio_interval(right[of], np.ones(len(right[of])), clusters=groups[of], seed=seed)
            return value(metric, float(np.mean(right[of])), interval, of, **where)

        measurements = [
            share("majority_accuracy", classes == np.bincount(classes).argmax()),
            value("chance_balanced_accuracy", 1 / len(names), None),
        ]
        for probe, predicted in _predictions(features[members], classes, groups, seed):
            right = predicted == classes
            interval = _balanced_accuracy_interval(classes, right, groups, seed)
            measurements.append(value(f"{probe}_balanced_accuracy", balanced_accuracy(classes, right), interval))
            measurements.append(share(f"{probe}_accuracy", right))
            for number, name in enumerate(names):
                of = classes == number
                measurements.append(share(f"{probe}_recall", right, of, group=f"{label_name} by class", stratum=name))
        return measurements

    def conditions(self, results: Results) -> dict[str, str]:
        """Return the version of the task and the seed of the folds."""
        return {**super().conditions(results), "seed": str(results.seed)}

    def headline_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return the balanced accuracies of each kind of label."""
        return [
            metric_column(f"{label}, {title}", task=self.name, metric=metric, group=label)
            for label in _probed_labels(results)
            for title, metric in _BALANCED_METRICS
        ]

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return a section for each kind of label: both probes, and what they have without any knowledge."""
        said = (
            "How well simple classifiers tell a gene's class from the mean of a model's hidden states, or from its "
            "4-mers where a model has none, on genes of clusters they have not seen. Balanced accuracy is the mean of "
            "the classes' recalls."
        )
        sections = []
        for label in _probed_labels(results):
            columns = [metric_column(title, task=self.name, metric=name, group=label) for title, name in _METRICS]
            title = f"Probing for {label.replace('_', ' ')}"
            sections.append(Section(title, [markdown_table(results, [MODEL_COLUMN, *columns]), said]))
        return sections

    def group_name(self, group: str, stratum: str) -> str:
        """Return the class with what it is a class of."""
        return f"{group.replace('_', ' ')}: {stratum}"


def _labels(genes: EvaluatedGenes) -> dict[str, list[str | None]]:
    """Return what is probed for -> the class of each gene."""
    return {"gene_type": genes.types, "gene_family": list(map(symbol_root, genes.symbols))}


def _probed_labels(results: Sequence[Results]) -> list[str]:
    """Return what was probed for in some results."""
    rows = [row for one in results for row in one.of(Probing.name)]
    return list(dict.fromkeys(row.group for row in rows if row.stratum == ALL))


def symbol_root(symbol: str | None) -> str | None:
    """Return the root of a gene symbol, which names its family, such as `MIR` of `MIR7152`, or None where it has none.

    Source: Bruford et al., Guidelines for human gene nomenclature, Nature Genetics 52 (2020): genes of a family share
    the root of their symbols, and the letters before the first digit are it. Placeholders such as `LOC` are no family.
    """
    found = _ROOT.match(symbol or "")
    return found.group() if found and found.group() not in _PLACEHOLDERS else None


def has_classes(labels: Sequence[str | None], clusters: npt.NDArray[np.str_]) -> bool:
    """Return whether there are two classes to tell apart.

    Args:
        labels: class of each gene, or None.
        clusters: cluster of each gene, shape `[n_genes]`.
    """
    return len(_classes(labels, clusters)[1]) > 1


def balanced_accuracy(classes: IntArray, right: npt.NDArray[np.bool_]) -> float:
    """Return the mean over the classes of the share of their genes that is predicted right.

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
    """Return the label of each gene, empty where it has none, and the labels that take part."""
    given = np.array([label or "" for label in labels], dtype=np.str_)
    return given, [name for name in np.unique(given).tolist() if name and _takes_part(given == name, clusters)]


def _takes_part(members: npt.NDArray[np.bool_], clusters: npt.NDArray[np.str_]) -> bool:
    return members.sum() >= MIN_GENES and len(np.unique(clusters[members])) >= MIN_CLUSTERS


def _predictions(
    features: FloatArray, classes: IntArray, clusters: npt.NDArray[np.str_], seed: int
) -> Iterator[tuple[str, IntArray]]:
    """Yield the name of each probe and the class it predicts for each gene, out of fold."""
    from sklearn.linear_model import LogisticRegression  # here, so that this task alone waits for it
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    def neighbors(train: IntArray) -> Any:
        # Near neighbors count more, or equal copy_logits would all go to the class that is first.
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
