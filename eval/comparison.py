"""Two models on the same genes: the difference of their bits per base, paired gene by gene, with its interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from genelm.dataset_scripts import STRATA
from genelm.storage import InputError

from .bootstrap import Interval, ratio_interval
from .gene_scores import gene_scores_path, read_gene_table
from .perplexity import TASK, bits_per_base
from .results import ALL, find_measurement


@dataclass(frozen=True)
class Difference:
    """What a model costs more than the reference.

    Attributes:
        model: its name.
        stratum: of familiarity, or `all`.
        value: bits/base of the model less bits/base of the reference, over the same bases.
        confidence_interval: 95 % bootstrap interval over clusters of genes, or None where there is none.
    """

    model: str
    stratum: str
    value: float
    confidence_interval: Interval | None


def gene_table_of(results_file: Path, results: dict[str, Any]) -> pa.Table | None:
    """Read what each gene costs under the model of a results file, from the table beside the file.

    Returns:
        The table, or None where there is none, or where it is of another evaluation: its genes then cost otherwise.

    Raises:
        InputError: what lies there is something else.
    """
    path, row = gene_scores_path(results_file), find_measurement(results, task=TASK, metric="bits_per_base")
    if row is None or not path.is_file():
        return None
    table = read_gene_table(path)
    bits = bits_per_base(table["base_nats"].to_numpy(), table["n_bases"].to_numpy())
    return table if math.isclose(bits, row["value"], rel_tol=1e-9) else None


def compare_models(tables: Mapping[str, pa.Table], *, seed: int) -> tuple[str, list[Difference]]:
    """Compare models with the best of them.

    Args:
        tables: name of a model -> what each gene costs under it; see `gene_scores`.
        seed: of the bootstrap.

    Returns:
        The name of the reference, which has the fewest bits per base, and the differences of the other models from it,
        by model and stratum. Where a model or the reference finds a gene impossible, the difference is infinite or is
        left out.

    Raises:
        InputError: the tables are of different genes.
    """
    first, *others = tables
    for other in others:
        for column in ("gene_id", "n_bases"):
            if tables[other][column] != tables[first][column]:
                raise InputError(f"{first} and {other} were not scored on the same genes; evaluate both alike.")
    nats = {name: table["base_nats"].to_numpy() for name, table in tables.items()}
    n_bases = tables[first]["n_bases"].to_numpy()
    clusters = tables[first]["cluster_id"].to_numpy(zero_copy_only=False).astype(np.str_)
    familiarity = tables[first]["familiarity"].to_numpy(zero_copy_only=False).astype(np.str_)
    reference = min(tables, key=lambda name: (bits_per_base(nats[name], n_bases), name))
    differences = []
    for name in tables:
        for stratum in (ALL, *STRATA):
            chosen = np.ones(len(n_bases), dtype=bool) if stratum == ALL else familiarity == stratum
            if name == reference or not n_bases[chosen].any() or np.isinf(nats[reference][chosen]).any():
                continue
            more = nats[name][chosen] - nats[reference][chosen]
            interval = ratio_interval(more / math.log(2), n_bases[chosen], clusters=clusters[chosen], seed=seed)
            differences.append(Difference(name, stratum, bits_per_base(more, n_bases[chosen]), interval))
    return reference, differences
