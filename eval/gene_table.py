"""What each gene costs, kept in a table beside the results, to compare models gene by gene.

A comparison of two models is paired: the difference of their costs gene by gene has a much narrower interval than
either value has, for both find the same genes hard.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from genelm.storage import InputError, atomic_file

COLUMNS = ("gene_id", "cluster_id", "familiarity", "n_bases", "base_nats", "eos_nats")


def gene_table_path(results_file: Path) -> Path:
    """Return the path of the table of genes that lies beside a results file."""
    return results_file.with_suffix(".genes.parquet")


def write_gene_table(table: pa.Table, path: Path) -> None:
    """Write a table with the columns of `COLUMNS`, one row a gene."""
    with atomic_file(path) as temporary:
        pq.write_table(table.select(COLUMNS), temporary, compression="zstd")


def read_gene_table(path: Path) -> pa.Table:
    """Return what `write_gene_table` wrote.

    Raises:
        InputError: the file is something else.
    """
    try:
        return pq.read_table(path, columns=list(COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} does not hold the scores of genes ({error}); evaluate the model again.") from None
