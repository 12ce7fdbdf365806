"""A model to score and generate genes with, wherever it comes from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from genelm.eval import (
    BASE_COLUMNS,
    GENE_COLUMNS,
    MAX_POSITIONS,
    GeneScores,
    adapt,
    base_rows,
    bits_per_base,
    gene_rows,
    load_model,
    score_bases,
    score_genes,
)
from genelm.modeling import generate_genes, is_model_file, read_record, save_model_folder
from genelm.storage import InputError, OptionError, check_output_folder
from genelm.tokenization import IUPAC_LETTERS, load_tokenizer


class GeneratedGene(str):
    """Letters of a gene that a model generated.

    Attributes:
        ended: whether the model ended the gene itself, rather than the limit on its length.
    """

    ended: bool

    def __new__(cls, sequence: str, ended: bool) -> "GeneratedGene":
        """Return the letters of a gene, and whether its model ended it."""
        gene = super().__new__(cls, sequence)
        gene.ended = ended
        return gene


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says of some genes.

    Attributes:
        names: of the genes.
        sequences: their letters.
        totals: sums over each gene, in nats.
        tracks: for each gene the bits of each of its bases, `[length]`, NaN where a letter is not A, C, G or T; None
            unless they were asked for.
    """

    names: list[str]
    sequences: list[str]
    totals: GeneScores
    tracks: list[np.ndarray] | None = None

    @property
    def bits_per_base(self) -> np.ndarray:
        """Bits per base of each gene, `[n_genes]`; 2 is guessing, NaN a gene without A, C, G or T."""
        return self._genes["bits_per_base"].to_numpy()

    @property
    def perplexity(self) -> np.ndarray:
        """2 to the power of the bits per base of each gene, `[n_genes]`; 4 is guessing."""
        return self._genes["perplexity"].to_numpy()

    @property
    def overall_bits_per_base(self) -> float:
        """Bits per base over all genes together, every base weighing the same.

        Raises:
            InputError: the genes have no base between them.
        """
        return bits_per_base(self.totals.base_nats, self.totals.n_bases)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each gene or, with tracks, for each base; the columns are those of `genelm score`."""
        if self.tracks is None:
            return self._genes.copy()
        return pd.DataFrame(base_rows(self.names, self.sequences, self.tracks), columns=BASE_COLUMNS)

    @cached_property
    def _genes(self) -> pd.DataFrame:
        return pd.DataFrame(gene_rows(self.names, self.sequences, self.totals), columns=GENE_COLUMNS)


class Model:
    """A causal language model of DNA with its tokenizer; `load` makes one.

    Attributes:
        network: the model of transformers.
        tokenizer: its own.
        name: by which results call it.
        folder: where it was loaded from; None for a model in memory.
        record: how the model came about, as far as it is known.
        scorer: what the functions of `genelm.eval` take: the network, or what adapts one over another vocabulary.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str,
        folder: Path | None = None,
        record: dict[str, Any] | None = None,
        context: int | None = None,
    ) -> None:
        self.network, self.tokenizer, self.name, self.folder = network, tokenizer, name, folder
        self.record = record or {}
        adapted = adapt(network, tokenizer, name)
        self.has_our_vocabulary = adapted is network
        self.scorer = adapted if context is None else adapt(network, tokenizer, name, context=context)

    def __repr__(self) -> str:
        return (
            f"<genelm.Model {self.name}: {self.network.config.model_type}, {self.network.num_parameters():,} weights>"
        )

    def score(
        self,
        sequences: Sequence[str],
        names: Sequence[str] | None = None,
        *,
        per_base: bool = False,
        max_positions: int = MAX_POSITIONS,
        description: str | None = None,
    ) -> Scores:
        """Score genes: -log2 p(base | the bases before it, the gene goes on), summed over each gene.

        Args:
            sequences: genes as letters; lower case is upper case, U is T, and what is not A, C, G or T is context.
            names: what the genes are called; by default they are numbered from 1.
            per_base: keep the bits of each base as well.
            max_positions: positions of one batch, padding included; fewer need less memory and change no score.
            description: label of a progress bar; no bar where it is None.

        Returns:
            The scores, in the order of the genes.

        Raises:
            InputError: a sequence has a letter that is no nucleotide, or is too long for the model, or one text was
                given instead of several.

        Example:
            >>> _ = genelm.build_dataset("genes", source="simulated", num_genes=100)
            >>> model = genelm.fit_ngram("genes", smoothing="laplace", order=3)
            >>> model.score(["ATGGCCNNACGT", "ttgaca"]).to_frame()["bases"].tolist()
            [10, 6]
        """
        if isinstance(sequences, str):
            raise InputError("Genes are scored as a list of sequences; put this one into a list.")
        genes = list(map(str, sequences))
        called = [f"{number}" for number in range(1, len(genes) + 1)] if names is None else list(names)
        if len(called) != len(genes):
            raise InputError(f"There are {len(genes)} sequences but {len(called)} names; give a name for each.")
        for gene, name in zip(genes, called, strict=True):
            _check_letters(gene.upper(), f"Sequence {name}")
        options: dict[str, Any] = {"names": called, "max_positions": max_positions, "description": description}
        if not per_base:
            return Scores(called, genes, score_genes(self.scorer, genes, **options))
        totals = score_genes(self.scorer, genes, **options)
        tracks = [nats / math.log(2) for nats in score_bases(self.scorer, genes, **options)]
        return Scores(called, genes, totals, tracks)

    def generate(
        self,
        num: int = 1,
        prompt: str = "",
        *,
        max_new_tokens: int = 300,
        min_new_tokens: int = 1,
        temperature: float = 1.0,
        seed: int = 0,
        description: str | None = None,
    ) -> list[GeneratedGene]:
        """Generate genes. The same seed gives the same genes; the caller's random state is left as it is.

        Args:
            num: how many genes.
            prompt: the first bases of each.
            max_new_tokens: most bases added; the model may end a gene sooner.
            min_new_tokens: least bases added before the model may end a gene.
            temperature: above 1 more random, below 1 less.
            seed: of the draws.
            description: label of a progress bar; no bar where it is None.

        Returns:
            The genes, prompt included.

        Raises:
            InputError: the prompt is no DNA, the limits cross, the genes do not fit into the model's positions, or the
                model has a vocabulary of its own.
        """
        check_limits(min_new_tokens, max_new_tokens)
        _check_letters(prompt.upper(), "The prompt")
        if not self.has_our_vocabulary:
            raise InputError(f"{self.name} has a vocabulary of its own; write with its own tools, such as `pipeline`.")
        was_training = self.network.training
        try:
            written = generate_genes(
                self.network.eval(),
                self.tokenizer,
                num=num,
                prompt=prompt,
                max_new_tokens=max_new_tokens,
                min_new_tokens=min_new_tokens,
                temperature=temperature,
                seed=seed,
                description=description,
            )
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{self.name} cannot write this: {error}.") from error
        finally:
            self.network.train(was_training)
        return [GeneratedGene(sequence, ended) for sequence, ended in written]

    def save(self, folder: str | Path) -> None:
        """Write a model folder: weights, config, tokenizer, code where the family is ours, and the record.

        Args:
            folder: where to; an older model there is replaced.

        Raises:
            InputError: the folder holds something else, or the model has a vocabulary of its own.
        """
        if not self.has_our_vocabulary:
            raise InputError(f"{self.name} has a vocabulary of its own; save it with its own `save_pretrained`.")
        path = Path(folder)
        check_output_folder(path, is_model_file)
        save_model_folder(path, self.network, self.tokenizer, self.record)


def load(
    model: "str | Path | PreTrainedModel | Model",
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    name: str | None = None,
    context: int | None = None,
    trust_remote_code: bool = False,
) -> Model:
    """Load a causal language model of DNA, of genelm or of others.

    Args:
        model: a model folder, a repository `USER/NAME` of the Hub, or a model of transformers in memory.
        tokenizer: of a model in memory; by default that of genelm.
        name: by which results call the model; by default that of the folder, or the type of a model in memory.
        context: genes longer than the model's positions are read in windows with so many bases of context; by default
            they are refused.
        trust_remote_code: run the code that the folder brings, where its family is not one of genelm or transformers.

    Returns:
        The model, where it is fastest: on the GPU if there is one, but an n-gram model with an index on the CPU. A
        model in memory stays where it is.

    Raises:
        InputError: there is no such model, it is not causal, or its tokenizer cannot spell genes.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, PreTrainedModel):
        return Model(model, tokenizer or load_tokenizer(), name=name or model.config.model_type, context=context)
    if not isinstance(model, str | Path):
        raise InputError(f"A {type(model).__name__} is no model; give a folder, USER/NAME, or a PreTrainedModel.")
    network, own_tokenizer, folder = load_model(str(model), trust_remote_code=trust_remote_code)
    return Model(
        network,
        own_tokenizer,
        name=name or Path(model).resolve().name,
        folder=folder,
        record=read_record(folder),
        context=context,
    )


def check_limits(min_new_tokens: int, max_new_tokens: int) -> None:
    """Refuse limits on the length of a gene that cross.

    Raises:
        OptionError: the least is more than the most.
    """
    if min_new_tokens > max_new_tokens:
        raise OptionError(
            "{min_new_tokens} {} is more than {max_new_tokens} {}; lower the one or raise the other.",
            min_new_tokens,
            max_new_tokens,
        )


def _check_letters(sequence: str, what: str) -> None:
    if wrong := sorted(set(sequence) - set(IUPAC_LETTERS)):
        raise InputError(f"{what} has the letter {wrong[0]!r}; nucleotides are written {', '.join(IUPAC_LETTERS)}.")
