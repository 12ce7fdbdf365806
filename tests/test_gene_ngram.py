"""The n-gram model: counts and probabilities worked out by hand."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, fit_head
from genelm.tokenization import encode

A, C, G, T = 4, 5, 6, 7


def fitted(*genes: str, **options) -> GeneNGramForCausalLM:
    model = GeneNGramForCausalLM(GeneNGramConfig(**options)).double()
    return model.count(torch.from_numpy(encode(gene)) for gene in genes)


def probabilities(model: GeneNGramForCausalLM, *tokens: int) -> list[float]:
    """Probabilities of the eight ids after `[BOS]` and some tokens."""
    return model(torch.tensor([[2, *tokens]])).logits[0, -1].exp().tolist()


def test_bigrams_by_hand() -> None:
    # AC and AAG: after A come C, A, G once each.
    model = fitted("AC", "AAG", order=2, smoothing="mle")
    assert probabilities(model, A) == pytest.approx([0, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert probabilities(model) == pytest.approx([0, 0, 0, 0, 1, 0, 0, 0])
    assert probabilities(model, C) == pytest.approx([0, 0, 0, 1, 0, 0, 0, 0])


def test_laplace_by_hand() -> None:
    model = fitted("AC", "AAG", order=2)
    assert probabilities(model, A) == pytest.approx([0, 0, 0, 1 / 8, 2 / 8, 2 / 8, 2 / 8, 1 / 8])


def test_the_paper_spreads_over_seven_symbols() -> None:
    model = fitted("AC", "AAG", order=2, paper=True)
    assert probabilities(model, A) == pytest.approx([0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1])


def test_unseen_context() -> None:
    assert probabilities(fitted("AC", order=2, smoothing="mle"), T) == pytest.approx([0, 0, 0] + [0.2] * 5)
    assert probabilities(fitted("AC", order=2, smoothing="mle", paper=True), T) == [0.0] * 8


def test_no_context_reaches_into_another_gene_or_the_padding() -> None:
    together = fitted("ACGT", "GGA", order=4)
    apart = fitted("ACGT", order=4).count([torch.from_numpy(encode("GGA"))])
    assert torch.equal(together.counts, apart.counts)
    assert together.counts.sum() == 4 + 1 + 3 + 1
    padded = together(torch.tensor([[0, 0, 2, A, C]])).logits[0, 2:]
    assert torch.equal(padded, together(torch.tensor([[2, A, C]])).logits[0])


def test_unknown_bases_are_context_but_not_outcomes() -> None:
    model = fitted("ANC", order=2, smoothing="mle")
    assert model.counts.sum() == 3  # A, C and the end; not N
    # The context of C is "no base here", as at the beginning of a gene.
    assert probabilities(model) == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0, 0])


@pytest.mark.parametrize("order", [1, 2, 5, 9])
@pytest.mark.parametrize("paper", [False, True])
def test_probabilities_add_up_to_one(order: int, paper: bool) -> None:
    model = fitted("ACGTACGGT", "TTGACA", order=order, paper=paper)
    rows = model(torch.tensor([[2, A, C, 1, G, T, T, T, A, C, G, T]])).logits.exp().sum(-1)
    assert rows[0].tolist() == pytest.approx([1.0] * 12, abs=1e-12)


def test_counts_do_not_overflow_unseen() -> None:
    model = GeneNGramForCausalLM(GeneNGramConfig(order=1))
    model.counts.fill_(torch.iinfo(torch.int32).max)
    with pytest.raises(OverflowError, match="at most 2147483647"):
        model.count([torch.tensor([A])])


@pytest.mark.parametrize("smoothing", ["mle", "laplace", "interpolated", "mixture"])
@pytest.mark.parametrize("order", [2, 5, 9])
def test_the_score_of_a_gene_is_the_sum_over_its_steps(smoothing: str, order: int) -> None:
    genes = ["ACGTACGGTNA", "", "TTGACA", "G" * 40, "ACGTTT"]
    model = fitted(*genes[:4], smoothing=smoothing, order=order)
    if model.config.has_index:
        fit_head(model, [torch.from_numpy(encode(gene)) for gene in genes], silent=True)
    expected = []
    for gene in genes:
        ids = encode(gene).tolist()
        nats = [
            -model(torch.tensor([[2, *ids[:i]]])).logits[0, -1, end] for i, end in enumerate([*ids, 3]) if end != 1
        ]
        expected.append(float(sum(nats)))
    found = model.score([torch.from_numpy(encode(gene)) for gene in genes])
    assert found.tolist() == pytest.approx(expected, rel=1e-6)
    assert model.score([]).tolist() == []


@pytest.mark.parametrize(
    "options",
    [
        {"order": 0},
        {"order": 13},
        {"smoothing": "none"},
        {"pseudocount": 0.0},
        {"pseudocount": float("inf")},
        {"pseudocount": float("nan")},
    ],
)
def test_impossible_models_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        GeneNGramConfig(**options)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floating_types_hold_the_logits_of_large_counts(dtype: torch.dtype) -> None:
    model = fitted("ACGTACGGT" * 20_000, order=1)
    exact = model(torch.tensor([[2]])).logits
    short = model.to(dtype)(torch.tensor([[2]])).logits
    assert short.dtype == dtype
    assert short[..., 3:].float().numpy() == pytest.approx(exact[..., 3:].numpy(), rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("smoothing", ["laplace", "mixture"])
def test_scores_and_losses_are_sums_of_float32_in_any_floating_type(smoothing: str, dtype: torch.dtype) -> None:
    genes = ["ACGTACGGTTGACA" * 30, "TTGACA"]
    short = fitted(*genes, smoothing=smoothing, order=9).to(dtype)  # what is rounded once are the weights
    tokens = [torch.from_numpy(encode(gene)) for gene in genes]
    ids = torch.nn.functional.pad(tokens[0].long(), (1, 0), value=2)[None]
    found, loss = short.score(tokens), short(ids, labels=ids).loss
    precise = short.float()
    assert found.tolist() == pytest.approx(precise.score(tokens).tolist(), rel=1e-6)
    assert loss.item() == pytest.approx(precise(ids, labels=ids).loss.item(), rel=1e-6)


def test_counts_survive_saving_in_any_floating_type(tmp_path) -> None:
    model = fitted("ACGTACGGT", "TTGACA", order=4)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    assert torch.equal(loaded.counts, model.counts)
    ids = torch.tensor([[2, 4, 5, 6]])
    assert torch.equal(loaded.double()(ids).logits, model.double()(ids).logits)
