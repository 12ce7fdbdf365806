"""What is dropped from a dataset: counted under a reason, and named."""

from collections import Counter


class Dropped(Counter[str]):
    """Reason -> number of genes, or of pieces of genes, that were dropped.

    Attributes:
        genes: reason and id of each, in the order they were dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.genes: list[tuple[str, str]] = []

    def drop(self, reason: str, gene_id: str) -> None:
        """Count a gene under a reason, and remember its id."""
        self[reason] += 1
        self.genes.append((reason, gene_id))
