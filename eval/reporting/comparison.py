"""Two models on the same genes: the difference of their bits per base, paired gene by gene, with its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from genelm.dataset_scripts import STRATA
from genelm.storage import InputError

from ..results import ALL
from ..statistics import Interval, bits_per_base, ratio_interval
from .tables import NOT_MEASURED, render_lines


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


def compare_models(tables: Mapping[str, pa.Table], *, seed: int) -> tuple[str, list[Difference]]:
    """Return how models differ from the best of them.

    Args:
        tables: name of a model -> what each gene costs under it; see `eval.gene_table`.
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


def comparison_table(differences: Sequence[Difference]) -> str:
    """Return the differences of models from one of them as Markdown, one row a model and one column a stratum."""
    strata = list(dict.fromkeys(difference.stratum for difference in differences))
    cells = {(found.model, found.stratum): _signed(found) for found in differences}
    models = list(dict.fromkeys(difference.model for difference in differences))
    rows = [[model, *(cells.get((model, stratum), NOT_MEASURED) for stratum in strata)] for model in models]
    return render_lines([["model", *strata], *rows])


def _signed(difference: Difference) -> str:
    if math.isinf(difference.value):
        return "∞"
    if difference.confidence_interval is None:
        return f"{difference.value:+.3f}"
    low, high = difference.confidence_interval
    return f"{difference.value:+.3f} ({low:+.3f} to {high:+.3f})"
