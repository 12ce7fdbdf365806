"""Equal sequences on either strand and equal ids: which gene stays, and why the others go."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genelm.dataset_scripts.cleaning.duplicates import PRECEDENCE, reasons_to_drop, same_parent_pairs
from genelm.dataset_scripts.genes.gene_schema import new_gene
from genelm.dataset_scripts.genes.gene_store import GeneStore
from genelm.tokenization import reverse_complement


def store_of(tmp_path, *rows: tuple[str, str, str]) -> GeneStore:
    store = GeneStore(tmp_path / "genes.parquet")
    for row, (gene_id, sequence, part) in enumerate(rows):
        store.add(new_gene(gene_id, sequence), gene_id, row, part)
    store.close()
    return store


def test_copies_on_either_strand_are_dropped_from_the_lower_split(tmp_path):
    store = store_of(
        tmp_path,
        ("a", "AACC", "train"),
        ("b", "AACC", "train"),  # as a
        ("c", "GGTT", "train"),  # the other strand of a
        ("d", "CATG", "train"),  # its own reverse complement, as f
        ("e", "AAAA", "validation"),  # as h
        ("f", "CATG", "test"),
        ("g", "TTTT", "test"),  # the other strand of e
        ("h", "AAAA", "test"),  # the other strand of g, in the same test set
    )
    assert reasons_to_drop(store).tolist() == [
        "",
        "duplicate",
        "reverse_complement",
        "duplicate_of_test",
        "duplicate_of_test",
        "",
        "",
        "",
    ]


def test_a_copy_of_a_reverse_complement_that_stays_is_dropped(tmp_path):
    rows = [("a", "AACC", "test"), ("b", "GGTT", "test"), ("c", "GGTT", "test"), ("b", "AAAC", "train")]
    assert reasons_to_drop(store_of(tmp_path, *rows)).tolist() == ["", "", "duplicate", "gene_id_twice"]


def test_no_piece_of_another_version_of_a_gene_gets_into_a_lower_split(tmp_path):
    store = GeneStore(tmp_path / "genes.parquet")
    store.add(new_gene("672", "AACC"), "672", 0, "test")
    for piece, sequence in (("672:1-4", "AACG"), ("672:5-8", "TTCG")):
        store.add(new_gene(piece, sequence), "672", 1, "extra")
    store.add(new_gene("673:1-4", "CACA"), "673", 2, "extra")
    store.add(new_gene("673:5-8", "CACC"), "673", 2, "extra")
    store.add(new_gene("673:9-12", "GACC"), "673", 3, "extra")  # of another gene that is called so
    store.close()
    assert reasons_to_drop(store).tolist() == ["", "gene_id_twice", "gene_id_twice", "", "", "gene_id_twice"]


def test_an_id_that_is_taken_by_another_sequence_is_dropped_from_the_lower_split(tmp_path):
    store = store_of(
        tmp_path, ("a", "AAC", "input"), ("a", "AAG", "input"), ("x", "AAG", "input"), ("a", "CCC", "extra")
    )
    # The third gene stays: the second, which has its sequence, is not there.
    assert reasons_to_drop(store).tolist() == ["", "gene_id_twice", "", "gene_id_twice"]


@given(st.lists(st.tuples(st.text("ACGT", min_size=1, max_size=3), st.sampled_from(PRECEDENCE))))
def test_no_sequence_is_left_twice_and_none_is_lost(tmp_path_factory, genes):
    rows = [(str(i), sequence, part) for i, (sequence, part) in enumerate(genes)]
    store = store_of(tmp_path_factory.mktemp("store"), *rows)
    kept = [rows[i] for i in np.flatnonzero(reasons_to_drop(store) == "")]
    assert len({sequence for _, sequence, _ in kept}) == len(kept)
    for part in ("train", "input", "extra"):
        of_part = [sequence for _, sequence, p in kept if p == part]
        assert not {s for s in of_part if s != reverse_complement(s)} & set(map(reverse_complement, of_part))
    canonical = {min(sequence, reverse_complement(sequence)) for _, sequence, _ in kept}
    assert canonical == {min(s, reverse_complement(s)) for s, _ in genes}
    for _, sequence, part in kept:
        equal = [p for s, p in genes if s in (sequence, reverse_complement(sequence))]
        assert part == min(equal, key=PRECEDENCE.index)


def test_pieces_are_paired_with_the_first_piece_of_their_gene():
    assert same_parent_pairs(["a", "b", "a", "a"]).tolist() == [[0, 2], [0, 3]]
    assert same_parent_pairs(["a", "b"]).shape == (0, 2)


def test_a_store_gives_back_what_was_put_in_whatever_is_chosen(tmp_path):
    rows = [(str(i), "ACGT" * (i % 7 + 1), "input") for i in range(2500)]
    store = store_of(tmp_path, *rows)
    chosen = np.array([0, 3, 999, 1000, 2499])
    sequences = store.sequences(chosen)
    for _ in range(2):
        assert list(sequences) == [rows[i][1] for i in chosen]
    read = [
        (gene["gene_id"], i)
        for table, at in store.tables(chosen)
        for gene, i in zip(table.to_pylist(), at, strict=True)
    ]
    assert read == [(rows[i][0], i) for i in chosen]
