"""The task "perplexity": how well a model predicts the next base, by familiarity, length and type of the genes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from transformers import PretrainedConfig

from genelm.dataset_scripts import STRATA, WORD_LENGTH

from ..reporting import Panel, Plot, Section
from ..reporting.plots import label_positions, mark_guessing, plot_model, saved_figure
from ..reporting.tables import MODEL_COLUMN, Column, markdown_table, metric_column, render_lines, strata_of
from ..results import ALL, Measurement, Results
from ..scoring import GeneScores
from ..statistics import bits_per_base, ratio_interval
from .paper import nats_and_symbols, paper_perplexity
from .strata import Stratum, gene_strata
from .task import EvaluatedGenes, Task, TaskInput

_HOW_MEASURED = (
    "-log2 p(base | the bases before it, the gene goes on), p over A, C, G and T, summed over all bases and "
    "divided by their number; perplexity is 2 to that power. The paper is arXiv 2307.10634: it spreads p over "
    "the whole vocabulary and, for n-grams, counts the end as a symbol. A compressor's bits are what the "
    "genes add to the compressed training genes."
)


class Perplexity(Task):
    """Bits per base, perplexity and the bits of the end per gene, in genelm's convention and the paper's.

    Version 2 has the values of version 1 with intervals that draw clusters of genes, and values by length.
    """

    name, version = "perplexity", 2
    summary = "how well the next base is predicted"
    title = "Prediction of the next base"
    metric_names: ClassVar[Mapping[str, str]] = {
        "bits_per_base": "Bits per base",
        "perplexity": "Perplexity",
        "eos_bits_per_gene": "Bits per gene for its end",
    }

    def measure(self, given: TaskInput) -> Iterator[Measurement]:
        """Yield the measurements of `measure_scores` of the genes of the split."""
        yield from self.measure_scores(given.gene_scores, given.genes, given.model.config, seed=given.seed)

    def measure_scores(
        self, scores: GeneScores, genes: EvaluatedGenes, config: PretrainedConfig, *, seed: int
    ) -> Iterator[Measurement]:
        """Turn scores into measurements.

        Args:
            scores: of the genes.
            genes: that were scored.
            config: of the model; it decides what the paper counts as a symbol.
            seed: of the bootstrap.

        Yields:
            Bits per base, perplexity and the bits of the end per gene for all genes and each stratum of familiarity,
            length and gene type; perplexity in the paper's convention for all genes and by familiarity. A stratum
            without a base is left out.

        Raises:
            InputError: the genes have no base between them.
        """
        for stratum in gene_strata(scores.n_bases, genes.familiarity, genes.types):
            clusters = genes.clusters[stratum.members]
            yield from self._measure_stratum(scores, stratum, clusters, seed)
            if stratum.group in (ALL, "familiarity"):
                yield self._measure_as_paper(scores, config, stratum, clusters, seed)

    def _measure_stratum(
        self, scores: GeneScores, stratum: Stratum, clusters: npt.NDArray[np.str_], seed: int
    ) -> Iterator[Measurement]:
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
            yield self.measurement(
                metric,
                value,
                units=units,
                interval=bounds,
                group=stratum.group,
                stratum=stratum.name,
                n_genes=len(n_bases),
                n_bases=int(n_bases.sum()),
            )

    def _measure_as_paper(
        self,
        scores: GeneScores,
        config: PretrainedConfig,
        stratum: Stratum,
        clusters: npt.NDArray[np.str_],
        seed: int,
    ) -> Measurement:
        nats, symbols = (values[stratum.members] for values in nats_and_symbols(scores, config))
        interval = ratio_interval(nats, symbols, clusters=clusters, seed=seed)
        return self.measurement(
            "perplexity",
            paper_perplexity(nats, symbols),
            interval=interval and (math.exp(interval[0]), math.exp(interval[1])),
            group=stratum.group,
            stratum=stratum.name,
            convention="paper",
            n_genes=len(nats),
            n_bases=int(stratum.n_bases.sum()),
        )

    def columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return bits per base and perplexity of all genes, and bits per base of novel and of familiar ones."""
        return [
            _column("bits/base"),
            metric_column("perplexity", task=self.name, metric="perplexity"),
            *(_column(f"bits/base, {name}", group="familiarity", stratum=name) for name in ("novel", "familiar")),
        ]

    def paper_columns(self, results: Sequence[Results]) -> list[Column[Results]]:
        """Return the paper's perplexity."""
        return [metric_column("perplexity", task=self.name, metric="perplexity", convention="paper")]

    def panel(self, results: Sequence[Results]) -> Panel | None:
        """Return bits per base by familiarity."""
        return Panel("bits per base by familiarity", _plot_familiarity) if _measured(results) else None

    def sections(self, results: Sequence[Results]) -> list[Section]:
        """Return bits per base by familiarity, gene type and length, and how they are measured."""
        strata = [_column(name, group="familiarity", stratum=name) for name in STRATA]
        end = metric_column("end, bits/gene", task=self.name, metric="eos_bits_per_gene")
        lengths = [_column(name, group="length", stratum=name) for name in strata_of(results, self.name, "length")]
        heat_map = Plot(
            "gene_types",
            "Bits per base of each model on each type of gene",
            lambda paths: _plot_gene_types(results, paths),
        )
        said = (
            f"Familiarity is k-mer containment: novel genes share no {WORD_LENGTH}-mer with the training genes, on "
            f"either strand; familiar ones share more than half of theirs. A gene shorter than {WORD_LENGTH} counts "
            "as novel. The end of a gene is reported apart: it is no part of the bits per base."
        )
        return [
            Section(
                "Bits per base by familiarity",
                [markdown_table(results, [MODEL_COLUMN, _column("all"), *strata, end]), said],
            ),
            Section("Bits per base by gene type", [heat_map, _gene_type_table(results)]),
            Section("Bits per base by length", [markdown_table(results, [MODEL_COLUMN, *lengths])]),
            Section("How bits per base are measured", [_HOW_MEASURED]),
        ]

    def group_name(self, group: str, stratum: str) -> str:
        """Return the stratum with what it is, such as `type tRNA`."""
        return {"gene_type": f"type {stratum}", "length": f"{stratum} bases"}.get(group, stratum)


def _column(title: str, **labels: str) -> Column[Results]:
    return metric_column(title, task=Perplexity.name, metric="bits_per_base", **labels)


def _measured(results: Sequence[Results]) -> list[Results]:
    return [one for one in results if one.find(task=Perplexity.name, metric="bits_per_base") is not None]


def _gene_types(results: Sequence[Results]) -> dict[str, tuple[int, int]]:
    """Return genes and bases of each type, the type with most bases first."""
    sizes = {
        row.stratum: (row.n_genes, row.n_bases)
        for one in results
        for row in one.of(Perplexity.name)
        if row.group == "gene_type"
    }
    return dict(sorted(sizes.items(), key=lambda item: (-item[1][1], item[0])))


def _gene_type_table(results: Sequence[Results]) -> str:
    """Return bits per base by gene type, one row a type and one column a model."""
    lines = [["gene type", "genes", "bases", *(one.model.name for one in results)]]
    for gene_type, (n_genes, n_bases) in _gene_types(results).items():
        _, cell = _column("", group="gene_type", stratum=gene_type)
        lines.append([gene_type, f"{n_genes:,}", f"{n_bases:,}", *map(cell, results)])
    return render_lines(lines)


def _plot_familiarity(axes: Axes, results: Sequence[Results]) -> None:
    strata = [(ALL, ALL), *(("familiarity", stratum) for stratum in STRATA)]
    for number, one in enumerate(results):
        rows = [
            one.find(task=Perplexity.name, metric="bits_per_base", group=group, stratum=stratum)
            for group, stratum in strata
        ]
        infinite = any(row is not None and math.isinf(row.value) for row in rows)
        name = one.model.name + (" (∞ not drawn)" if infinite else "")
        plot_model(axes, rows, number, len(results), name, linestyle="none")
    mark_guessing(axes, 2, "uniform")
    axes.set_title("Bits per base (less is better)")
    label_positions(axes, [name for _, name in strata], f"genes, by {WORD_LENGTH}-mers shared with the training genes")


def _plot_gene_types(results: Sequence[Results], paths: Sequence[Path]) -> None:
    """Plot bits per base by gene type as a heat map, one row a model and one column a type."""
    types, having = list(_gene_types(results)), _measured(results)
    values = np.full((len(having), len(types)), np.nan)
    for row, one in enumerate(having):
        for column, gene_type in enumerate(types):
            found = one.find(task=Perplexity.name, metric="bits_per_base", group="gene_type", stratum=gene_type)
            if found is not None and math.isfinite(found.value):
                values[row, column] = found.value
    with saved_figure(paths, figsize=(max(6, 1.4 + 1.1 * len(types)), 1.6 + 0.42 * len(having))) as figure:
        axes = figure.subplots()
        # Two bits a base is what guessing costs: it stays white, less is blue and more is red.
        reach = max(0.2, float(np.nanmax(np.abs(values - 2), initial=0)))
        drawn = axes.imshow(values, aspect="auto", cmap="RdBu_r", vmin=2 - reach, vmax=2 + reach)
        for (row, column), value in np.ndenumerate(values):
            if not math.isnan(value):
                is_dark = abs(value - 2) > 0.6 * reach
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                          color="white" if is_dark else "black")  # fmt: skip
        axes.set_xticks(range(len(types)), types, rotation=30, ha="right")
        axes.set_yticks(range(len(having)), [one.model.name for one in having])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.suptitle("Bits per base by gene type, most bases first (2 is guessing)")
        figure.colorbar(drawn, ax=axes, shrink=0.9, pad=0.01).outline.set_visible(False)
