"""The seam for tasks: what a task is given, what it returns, and how it is told what a model can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genelm.modeling import traits_of
from genelm.storage import InputError

from ..reporting import TaskReport
from ..results import ALL, Measurement
from ..scoring import MAX_POSITIONS, GeneScores, ScoreCache, check_lengths, score_genes
from ..statistics import Interval


@dataclass(frozen=True, kw_only=True)
class EvaluatedGenes:
    """The genes of a split, and what is known of each; every field has one entry a gene.

    Attributes:
        ids: names.
        sequences: letters.
        clusters: the cluster of similar genes that it is in.
        familiarity: `novel`, `partly familiar` or `familiar`, by its k-mer containment in the training genes.
        types: its type, None where that is not known.
        symbols: its symbol, None where that is not known.
    """

    ids: npt.NDArray[np.str_]
    sequences: list[str]
    clusters: npt.NDArray[np.str_]
    familiarity: npt.NDArray[np.str_]
    types: list[str | None]
    symbols: list[str | None]

    @property
    def lengths(self) -> list[int]:
        """Letters of each gene."""
        return [len(sequence) for sequence in self.sequences]


@dataclass(frozen=True, kw_only=True)
class TaskInput:
    """What a task measures.

    Attributes:
        model: what `score_genes` takes.
        genes: of the split that is evaluated.
        training: letters of the training genes of the dataset.
        similarity: `identity` and `coverage` from which two genes of the dataset count as similar.
        split: its name.
        seed: of everything that is drawn.
        max_positions: positions of a batch, padding included.
        cache: where scores are kept as they are made, or None.
        notes: what a reader of the results has to know, one sentence each; a task may add some.
    """

    model: torch.nn.Module
    genes: EvaluatedGenes
    training: Sequence[str] = ()
    similarity: Mapping[str, float] = field(default_factory=dict)
    split: str = "test"
    seed: int = 0
    max_positions: int = MAX_POSITIONS
    cache: ScoreCache | None = None
    notes: list[str] = field(default_factory=list)

    def score(self, sequences: Sequence[str], description: str, *, names: Sequence[str] | None = None) -> GeneScores:
        """Return the scores of some sequences under the model.

        Args:
            sequences: letters.
            description: label of the progress bar.
            names: what an error calls each sequence; its place where None.

        Raises:
            InputError: a sequence is longer than the model has positions for.
        """
        return score_genes(
            self.model,
            sequences,
            names=names,
            max_positions=self.max_positions,
            description=description,
            cache=self.cache,
        )

    def check_lengths(self, sequences: Sequence[str], names: Sequence[str]) -> None:
        """Refuse sequences that are longer than the model has positions for.

        Raises:
            InputError: names the first of them.
        """
        check_lengths(self.model, [len(sequence) for sequence in sequences], names)

    @cached_property
    def gene_scores(self) -> GeneScores:
        """The scores of the genes of the split, made when they are first asked for."""
        return self.score(self.genes.sequences, "perplexity", names=self.genes.ids.tolist())


class Task(TaskReport, ABC):
    """Something that is measured of a model on the genes of a split.

    A task has a `name`, a `version`, `measure`, and where need be `check`; how its results look is told by the methods
    of `TaskReport`. An instance serves one evaluation.

    Attributes:
        version: raised when the same name comes to mean another value.
        summary: what it measures, in a few words, for the help of commands.
        needs_network: whether it asks a network for more than scores: for hidden states or for generated genes.
    """

    version: int
    summary: str = ""
    needs_network: bool = False

    def check(self, given: TaskInput) -> None:
        """Refuse what this task cannot measure; called before anything is scored.

        What is made for the check, such as pairs, may be kept for `measure`.

        Raises:
            InputError: says what is not there, and what to do.
        """
        if self.needs_network and traits_of(given.model).is_adapted:
            raise InputError(
                f"The task {self.name} is for models over genelm's own vocabulary that read genes whole; leave it out."
            )

    @abstractmethod
    def measure(self, given: TaskInput) -> Iterable[Measurement]:
        """Yield what is measured; the methods of `given` score sequences."""

    def measurement(
        self,
        metric: str,
        value: float,
        *,
        n_genes: int,
        n_bases: int,
        interval: Interval | None = None,
        units: str = "",
        group: str = ALL,
        stratum: str = ALL,
        convention: str = "genelm",
    ) -> Measurement:
        """Return a measurement of this task.

        Args:
            metric: what is measured, such as `bits_per_base`.
            value: finite or +inf.
            n_genes: genes, or pairs of genes, that the value is over.
            n_bases: A, C, G, T positions of those genes.
            interval: 95 % bootstrap interval, or None where there is none.
            units: of the value; empty for a pure number.
            group: what the genes are divided by, such as `familiarity`.
            stratum: the part of the group.
            convention: `genelm` or `paper`.
        """
        facts: dict[str, Any] = {"task": self.name, "task_version": self.version, "convention": convention}
        return Measurement(
            **facts,
            metric=metric,
            units=units,
            group=group,
            stratum=stratum,
            value=value,
            confidence_interval=interval,
            n_genes=n_genes,
            n_bases=n_bases,
        )
