"""The one scorer against a ten-line reimplementation, and its invariances, for every family."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GPT2Config, MambaConfig, set_seed

from genelm.eval import GeneScores, score_bases, score_genes
from genelm.eval.scoring import mean_hidden_states
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, GeneRNNConfig, GeneRNNForCausalLM, fit_head
from genelm.storage import InputError
from genelm.tokenization import encode, padded_length

SPECIAL = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
GENES = ["ACGTTGCAACGGT", "G", "TTTTNNACGT", "", "ACGGT" * 9, "CCA"]
SEQUENCES = st.lists(st.text(alphabet="ACGTN", max_size=40), min_size=1, max_size=8)


def gpt2() -> torch.nn.Module:
    return AutoModelForCausalLM.from_config(GPT2Config(n_positions=64, n_embd=32, n_layer=2, n_head=2, **SPECIAL))


def mamba() -> torch.nn.Module:
    return AutoModelForCausalLM.from_config(MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **SPECIAL))


def ngram() -> torch.nn.Module:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=4))
    return model.count(torch.from_numpy(encode(gene)) for gene in GENES)


def mixture() -> torch.nn.Module:
    genes = [torch.from_numpy(encode(gene * 3)) for gene in (*GENES, "ACGTTGCAACGGTACGATTAGACA")]
    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture", both_strands=True)).count(genes)
    fit_head(model, genes, silent=True)
    return model


def interpolated() -> torch.nn.Module:
    genes = [torch.from_numpy(encode(gene)) for gene in GENES]
    model = GeneNGramForCausalLM(GeneNGramConfig(order=9, smoothing="interpolated")).count(genes)
    fit_head(model, genes, silent=True)
    return model


def lstm() -> torch.nn.Module:
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=8, hidden_size=32))


def gru() -> torch.nn.Module:
    return GeneRNNForCausalLM(GeneRNNConfig(cell_type="gru", embedding_size=8, hidden_size=32, num_hidden_layers=1))


@pytest.fixture(
    scope="module", params=[gpt2, mamba, ngram, interpolated, mixture, lstm, gru], ids=lambda build: build.__name__
)
def model(request) -> torch.nn.Module:
    set_seed(0)
    network = request.param().eval()
    if request.param not in (mamba, interpolated, mixture):  # whose state would only amplify rounding
        # Fresh weights predict next to nothing; larger ones make every mistake visible.
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(2)
    return network


def score_simply(model: torch.nn.Module, gene: str) -> tuple[float, float]:
    """Score one gene, one base at a time, in float64: nats of the bases, nats of the end."""
    bases = end = 0.0
    for position in range(len(gene) + 1):
        tokens = torch.tensor([[2, *encode(gene[:position]).tolist()]])
        p = model(tokens, use_cache=False).logits[0, -1].detach().double().softmax(-1).numpy()
        goes_on = p[4:].sum()
        if position == len(gene):
            end -= math.log(p[3] / (goes_on + p[3]))
        else:
            end -= math.log(goes_on / (goes_on + p[3]))
            if gene[position] in "ACGT":
                bases -= math.log(p[4 + "ACGT".index(gene[position])] / goes_on)
    return bases, end


def assert_close(scores: GeneScores, others: GeneScores) -> None:
    assert np.array_equal(scores.n_bases, others.n_bases)
    for name in ("base_nats", "eos_nats", "whole_softmax_base_nats", "whole_softmax_eos_nats"):
        assert getattr(scores, name) == pytest.approx(getattr(others, name), abs=1e-5)


def test_against_an_independent_reimplementation(model: torch.nn.Module) -> None:
    scores = score_genes(model, GENES)
    for index, gene in enumerate(GENES):
        bases, end = score_simply(model, gene)
        assert scores.base_nats[index] == pytest.approx(bases, abs=1e-5)
        assert scores.eos_nats[index] == pytest.approx(end, abs=1e-5)
    assert scores.n_bases.tolist() == [13, 1, 8, 0, 45, 3]


@settings(max_examples=15)
@given(sequences=SEQUENCES, max_positions=st.integers(1, 200))
def test_scores_depend_neither_on_batch_nor_on_neighbours(model, sequences: list[str], max_positions: int) -> None:
    together = score_genes(model, sequences, max_positions=max_positions)
    alone = [score_genes(model, [sequence]) for sequence in sequences]
    names = GeneScores.__dataclass_fields__
    assert_close(together, GeneScores(*(np.concatenate([getattr(one, name) for one in alone]) for name in names)))


def test_genes_longer_than_a_batch_are_read_piece_by_piece_with_their_state(model: torch.nn.Module) -> None:
    gene = "ACGGTTGCANACGTTAGC" * 3
    lengths = []
    handle = model.register_forward_pre_hook(
        lambda _, args, kwargs: lengths.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    in_pieces = score_genes(model, [gene], max_positions=7)
    handle.remove()
    whole = score_genes(model, [gene])
    assert in_pieces.base_nats == pytest.approx(whole.base_nats, abs=1e-4)
    assert in_pieces.eos_nats == pytest.approx(whole.eos_nats, abs=1e-4)
    assert max(lengths) == (7 if getattr(model, "carries_state", False) else len(gene) + 1)


def test_a_batch_is_never_longer_than_the_positions_of_a_model() -> None:
    config = GPT2Config(n_positions=101, n_embd=8, n_layer=1, n_head=2, **SPECIAL)
    model = AutoModelForCausalLM.from_config(config).eval()
    gene = "ACGTT" * 20  # 100 bases and [BOS], which batches of models without a limit fill up to 102
    assert padded_length(101) == 102
    scores = score_genes(model, [gene, gene[:99]])
    assert scores.base_nats[0] == pytest.approx(score_simply(model, gene)[0], abs=1e-4)
    assert mean_hidden_states(model, [gene]) is not None


def test_what_costs_the_same_is_a_tie_to_the_last_bit_in_any_batch() -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2))  # nothing counted: every base costs the same
    genes = [("ACGTT" * 25)[:length] for length in range(60, 125)] + ["GATTC" * 15, "N".join(["ACGGT"] * 15)]
    scores = score_genes(model, genes, max_positions=700)
    assert {scores.base_nats[15], *scores.base_nats[-2:]} == {score_genes(model, ["T" * 75]).base_nats[0]}
    assert scores.eos_nats[15] == scores.eos_nats[-2]


def test_scores_depend_on_nothing_after(model: torch.nn.Module) -> None:
    one, other = score_bases(model, ["ACGTTGCAAC" + "A" * 20, "ACGTTGCAAC" + "T" * 20])
    assert one[:10] == pytest.approx(other[:10], abs=1e-6)


def test_bases_and_end_add_up_to_the_code_length_of_the_gene(model: torch.nn.Module) -> None:
    gene = "ACGTTGCAAC"
    scores = score_genes(model, [gene])
    logits = model(torch.tensor([[2, *encode(gene).tolist()]]), use_cache=False).logits[0].detach().double()[:, 3:]
    code = -logits.log_softmax(-1)[range(11), [*(encode(gene) - 3), 0]].sum()
    assert scores.base_nats[0] + scores.eos_nats[0] == pytest.approx(code.item(), abs=1e-5)


def test_score_per_base_adds_up(model: torch.nn.Module) -> None:
    scores = score_genes(model, GENES)
    per_base = score_bases(model, GENES)
    assert [len(row) for row in per_base] == [len(gene) for gene in GENES]
    assert [np.nansum(row) for row in per_base] == pytest.approx(scores.base_nats, abs=1e-9)
    assert np.isnan(per_base[2]).tolist() == [letter == "N" for letter in GENES[2]]


def test_the_mode_of_the_model_is_kept(model: torch.nn.Module) -> None:
    model.train()
    score_genes(model, ["ACGT"])
    assert model.training
    model.eval()


class Planted(torch.nn.Module):
    """Says A with one half, the other bases with one sixth, whatever came before; never ends."""

    config = GPT2Config(n_positions=32, **SPECIAL)

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> object:
        p = torch.tensor([0, 0, 0, 0, 1 / 2, 1 / 6, 1 / 6, 1 / 6])
        return type("Output", (), {"logits": p.log().expand(*input_ids.shape, 8)})


def test_a_planted_model_gets_its_known_bits() -> None:
    scores = score_genes(Planted(), ["AAC", "T"])
    assert (scores.base_nats / math.log(2)).tolist() == pytest.approx([2 + math.log2(6), math.log2(6)], abs=1e-6)
    assert scores.eos_nats.tolist() == [math.inf, math.inf]
    assert scores.whole_softmax_base_nats == pytest.approx(scores.base_nats)


def test_impossible_bases_cost_infinitely_much() -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=2, smoothing="mle", paper=True)).count([torch.tensor([4, 5])])
    assert score_genes(model, ["AC", "CA", "TT"]).base_nats.tolist() == [0.0, math.inf, math.inf]


def test_a_gene_too_long_is_named() -> None:
    score_genes(gpt2(), ["A" * 63])
    with pytest.raises(InputError, match="Gene BRCA9 has 64 bases, but this gpt2 reads at most 63"):
        score_genes(gpt2(), ["A", "A" * 64], names=["short", "BRCA9"])


def test_damaged_weights_are_noticed() -> None:
    network = lstm()
    torch.nn.init.constant_(network.lm_head.weight, math.nan)
    with pytest.raises(InputError, match="NaN"):
        score_genes(network, ["ACGT"])


def test_one_text_is_not_taken_for_many_genes() -> None:
    model = GeneRNNForCausalLM(GeneRNNConfig(hidden_size=8))
    for score in (score_genes, score_bases):
        with pytest.raises(InputError, match=r"Give a list of genes, such as \['ATGGCC'\]"):
            score(model, "ATGGCC")
