"""Training genes: what is learned of a gene, in which batches, and how they are kept."""

import itertools
from pathlib import Path

import numpy as np
import torch

from genelm.dataset_scripts import load_split
from genelm.tokenization import encode
from genelm.training import IGNORED, TrainingGenes
from genelm.training.training_genes import GeneNames, subsample_genes

CPU = torch.device("cpu")


def two_genes(append_eos: bool) -> TrainingGenes:
    """The genes `ACN` and `G`."""
    return TrainingGenes(encode("ACNG"), np.array([0, 3, 4]), np.array([2, 1]), append_eos, np.arange(2))


def test_what_is_learned_of_a_gene() -> None:
    genes = two_genes(append_eos=True)
    padded = genes.slice(np.array([0, 1]), CPU, packed=False)
    assert padded.inputs.tolist() == [[2, 4, 5, 1], [2, 6, 3, 3]]
    assert padded.targets.tolist() == [[4, 5, IGNORED, 3], [6, 3, IGNORED, IGNORED]]
    packed = genes.slice(np.array([0, 1]), CPU, packed=True)
    # The row is filled up to 64 by what is read as one more gene, of which nothing is learned.
    assert packed.inputs.tolist() == [[2, 4, 5, 1, 2, 6] + [3] * 58]
    assert packed.targets.tolist() == [[4, 5, IGNORED, 3, 6, 3] + [IGNORED] * 58]
    assert packed.more["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, *range(58)]]
    assert packed.more["packing"].boundaries.tolist() == [0, 4, 6, 64]
    assert (genes.num_bases.tolist(), genes.num_targets.tolist()) == ([2, 1], [3, 2])


def test_padding_does_not_go_beyond_the_positions_of_a_model() -> None:
    starts = np.array([0, 100, 103])
    genes = TrainingGenes(
        encode("ACGTC" * 20 + "ACG"), starts, np.array([100, 3]), append_eos=True, drawn=np.arange(2)
    )
    for positions, width in ((None, 102), (101, 101), (200, 102)):
        assert genes.slice(np.array([0, 1]), CPU, packed=False, positions=positions).inputs.shape == (2, width)


def test_a_row_is_not_filled_up_beyond_the_positions_of_a_model() -> None:
    for positions, width in ((None, 64), (64, 64), (48, 6)):
        packed = two_genes(append_eos=True).slice(np.array([0, 1]), CPU, packed=True, positions=positions)
        assert packed.inputs.shape == (1, width)


def test_without_an_end_the_last_letter_is_only_predicted() -> None:
    packed = two_genes(append_eos=False).slice(np.array([0, 1]), CPU, packed=True)
    assert packed.inputs[:, :5].tolist() == [[2, 4, 5, 2, 3]]
    assert packed.targets[:, :5].tolist() == [[4, 5, IGNORED, 6, IGNORED]]


def test_genes_are_encoded_as_the_tokenizer_encodes_them_and_once(small_dataset: Path) -> None:
    genes = TrainingGenes.open(small_dataset, append_eos=True)
    assert isinstance(genes.letters, np.memmap)
    written = Path(genes.letters.filename).stat().st_mtime_ns
    sequences = load_split(small_dataset, "train")["sequence"]
    for gene, sequence in enumerate(sequences):
        assert genes.letters[genes.starts[gene] : genes.starts[gene + 1]].tolist() == encode(sequence).tolist()
    again = TrainingGenes.open(small_dataset, append_eos=False)
    assert Path(again.letters.filename).stat().st_mtime_ns == written


def test_an_encoding_that_was_broken_off_is_made_again(small_dataset: Path) -> None:
    genes = TrainingGenes.open(small_dataset, append_eos=True)
    whole, file = genes.letters.tobytes(), Path(genes.letters.filename)
    del genes
    file.write_bytes(whole[:-1])
    assert TrainingGenes.open(small_dataset, append_eos=True).letters.tobytes() == whole
    table = file.parent / "train.genes.npy"
    for damage in (table.unlink, lambda: table.write_bytes(b"cut"), lambda: table.write_bytes(b"")):
        damage()
        assert TrainingGenes.open(small_dataset, append_eos=True).letters.tobytes() == whole


def test_a_larger_share_has_the_genes_of_a_smaller_one() -> None:
    shares = [set(subsample_genes(1000, fraction, 0).tolist()) for fraction in (0.0001, 0.01, 0.1, 0.5, 1.0)]
    assert [len(share) for share in shares] == [1, 10, 100, 500, 1000]
    assert all(small < large for small, large in itertools.pairwise(shares))
    assert set(subsample_genes(1000, 0.1, 1).tolist()) != shares[2]


def test_names_are_those_of_the_split(small_dataset: Path) -> None:
    names = load_split(small_dataset, "train")["gene_id"][:]
    assert list(GeneNames(small_dataset, "train")) == names
    assert len(GeneNames(small_dataset, "train")) == len(names)
