"""An evaluation that is interrupted goes on where it was, and comes to the same bits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import set_seed

from genelm.eval import ScoreCache, score_genes
from genelm.eval.scoring import mean_hidden_states, sample_genes
from genelm.eval.scoring.sampling import BATCH_SIZE
from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM
from genelm.storage import InputError

GENES = ["ACGTACGT", "GGCC", "ACGTNACGT", "T"]


class Interruption:
    """Lets some runs of a model's body through, or all of them, and counts them."""

    def __init__(self, model: torch.nn.Module, most: int | None = None) -> None:
        self.runs, self.most = 0, most
        self.hook = model.register_forward_pre_hook(self)

    def __call__(self, *_: object) -> None:
        if self.runs == self.most:
            raise KeyboardInterrupt
        self.runs += 1


@pytest.fixture
def model() -> GeneRNNForCausalLM:
    set_seed(0)
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=4, hidden_size=8)).eval()


def test_scores(tmp_path: Path, model: GeneRNNForCausalLM) -> None:
    expected = score_genes(model, GENES, max_positions=10)
    half = Interruption(model.base_model, most=2)
    with_cache(tmp_path, lambda cache: score_genes(model, GENES, max_positions=10, cache=cache), is_interrupted=True)
    half.hook.remove()
    rest = Interruption(model.base_model)
    scores = with_cache(tmp_path, lambda cache: score_genes(model, GENES, max_positions=10, cache=cache))
    assert rest.runs == 1
    for name in ("n_bases", "base_nats", "eos_nats", "whole_softmax_base_nats", "whole_softmax_eos_nats"):
        assert getattr(scores, name).tolist() == getattr(expected, name).tolist()


def test_hidden_states(tmp_path: Path, model: GeneRNNForCausalLM) -> None:
    expected = mean_hidden_states(model, GENES, max_positions=1)
    half = Interruption(model.base_model, most=3)  # one of them asks for the width
    with_cache(
        tmp_path, lambda cache: mean_hidden_states(model, GENES, max_positions=1, cache=cache), is_interrupted=True
    )
    half.hook.remove()
    rest = Interruption(model.base_model)
    states = with_cache(tmp_path, lambda cache: mean_hidden_states(model, GENES, max_positions=1, cache=cache))
    assert rest.runs == 3
    assert np.array_equal(states, expected)


def test_written_genes(tmp_path: Path, model: GeneRNNForCausalLM) -> None:
    most, num = 6, BATCH_SIZE + 2
    expected = sample_genes(model, num=num, longest=most, seed=1)
    assert len(expected) == num
    assert 0 < max(len(gene) for gene, _ in expected) <= most
    assert len({gene for gene, _ in expected}) > num / 2
    half = Interruption(model.base_model, most=most + 1)
    with_cache(
        tmp_path, lambda cache: sample_genes(model, num=num, longest=most, seed=1, cache=cache), is_interrupted=True
    )
    half.hook.remove()
    rest = Interruption(model.base_model)
    assert (
        with_cache(tmp_path, lambda cache: sample_genes(model, num=num, longest=most, seed=1, cache=cache)) == expected
    )
    assert 0 < rest.runs <= most
    assert sample_genes(model, num=num, longest=most, seed=2) != expected


def with_cache(folder, measure, is_interrupted=False):
    """Measure with the file that an interrupted run before it may have left."""
    cache = ScoreCache(folder / "lstm.partial", "one model")
    if is_interrupted:
        with pytest.raises(KeyboardInterrupt):
            measure(cache)
        cache.close()
        return None
    result = measure(cache)
    cache.remove()
    assert not list(folder.iterdir())
    return result


def test_what_belongs_to_another_model_or_is_damaged_is_thrown_away(tmp_path: Path) -> None:
    file, ids = tmp_path / "partial", np.array([4, 5], dtype=np.uint8)
    cache = ScoreCache(file, "one")
    cache.write_row("scores", ids, np.arange(5.0))
    cache.close()
    kept = ScoreCache(file, "one")
    assert kept.read_rows("scores", [ids], 5).tolist() == [[0, 1, 2, 3, 4]]
    assert np.isnan(kept.read_rows("scores", [ids[:1]], 5)).all()
    assert np.isnan(kept.read_rows("hidden states", [ids], 5)).all()
    kept.close()
    other = ScoreCache(file, "two")
    assert np.isnan(other.read_rows("scores", [ids], 5)).all()
    other.close()
    with pytest.raises(InputError, match="where an evaluation keeps what it has found, cannot be written"):
        ScoreCache(tmp_path, "two").read("scores", b"")
    file.write_bytes(file.read_bytes()[:100] + b"damage" * 1000)
    assert np.isnan(ScoreCache(file, "two").read_rows("scores", [ids], 5)).all()


def test_a_file_of_others_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"something else altogether" * 100)
    with pytest.raises(InputError, match="notes, where scores are kept until the results are written, is no file of"):
        ScoreCache(tmp_path / "notes", "one").read("scores", b"")
    assert (tmp_path / "notes").read_bytes() == b"something else altogether" * 100
