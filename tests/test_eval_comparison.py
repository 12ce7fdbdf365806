"""What each gene costs under a model, and the comparison of models by it."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from evaluated_genes import measurement, results_of

from genelm.eval import Results, write_results
from genelm.eval.gene_table import gene_table_path, write_gene_table
from genelm.eval.reporting.comparison import compare_models
from genelm.storage import InputError


def _table(bits: list[float], n_bases: list[int]) -> pa.Table:
    n = len(bits)
    return pa.table(
        {
            "gene_id": [str(i) for i in range(n)],
            "cluster_id": [str(i) for i in range(n)],
            "familiarity": ["novel" if i % 2 else "familiar" for i in range(n)],
            "n_bases": n_bases,
            "base_nats": np.array(bits) * np.array(n_bases) * math.log(2),
            "eos_nats": np.zeros(n),
        }
    )


def test_a_small_difference_is_seen_where_genes_differ_much() -> None:
    generator = np.random.default_rng(0)
    bits, lengths = generator.uniform(0.5, 2, size=200), [100] * 200
    worse = bits + generator.normal(0.01, 0.02, size=200)
    tables = {"b": _table(list(worse), lengths), "a": _table(list(bits), lengths)}
    reference, differences = compare_models(tables, seed=0)
    assert (reference, [(d.model, d.stratum) for d in differences]) == (
        "a",
        [("b", stratum) for stratum in ("all", "novel", "familiar")],
    )
    everything = differences[0]
    assert everything.value == pytest.approx((worse - bits).mean())
    assert everything.confidence_interval is not None
    low, high = everything.confidence_interval
    assert 0 < low < everything.value < high < 0.02  # the figures themselves are uncertain by 0.06


def test_a_model_that_finds_a_gene_impossible_is_infinitely_worse() -> None:
    tables = {"a": _table([1.0, 1.0], [5, 5]), "b": _table([1.0, math.inf], [5, 5])}
    reference, differences = compare_models(tables, seed=0)
    assert reference == "a"
    assert {d.stratum: d.value for d in differences} == {"all": math.inf, "novel": math.inf, "familiar": 0}


def test_models_scored_on_other_genes_are_not_compared() -> None:
    with pytest.raises(InputError, match="a and b were not scored on the same genes"):
        compare_models({"a": _table([1.0], [5]), "b": _table([1.0], [6])}, seed=0)


def test_a_table_is_read_back_and_what_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "lstm.json"
    path = gene_table_path(file)
    assert path.name == "lstm.genes.parquet"

    def loaded(bits: float) -> pa.Table | None:
        write_results(results_of([measurement("bits_per_base", bits)]), file)
        return Results.load(file).gene_table

    assert loaded(2.0) is None
    for bits, costs in ((math.inf, [1.0, math.inf]), (2.0, [2.0, 2.0])):
        table = _table(costs, [5, 4])
        write_gene_table(table, path)
        read = loaded(bits)
        assert read is not None
        assert read.equals(table)
    # A table of another evaluation does not belong to the results.
    assert loaded(2.001) is None
    write_results(results_of([]), file)
    assert Results.load(file).gene_table is None
    path.write_text("gene_id\n")
    with pytest.raises(InputError, match=r"lstm\.genes\.parquet does not hold the scores of genes"):
        loaded(2.0)
