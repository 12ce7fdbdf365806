"""The recurrent model: padding, state, beams and sampling are exact."""

import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, DynamicCache, set_seed

from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM
from genelm.modeling.recurrent_cache import STATE_NAME, RecurrentCache
from genelm.tokenization import load_tokenizer

TOKENIZER = load_tokenizer()


@pytest.fixture(params=["lstm", "gru", "lstm tied", "gru one layer"])
def model(request) -> GeneRNNForCausalLM:
    set_seed(0)
    config = GeneRNNConfig(
        cell_type=request.param.split()[0],
        embedding_size=12 if "tied" in request.param else 6,
        hidden_size=12,
        num_hidden_layers=1 if "one" in request.param else 3,
        dropout=0.2,
        tie_word_embeddings="tied" in request.param,
    )
    network = GeneRNNForCausalLM(config).eval()
    # Fresh weights are small; larger ones make every mistake visible.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    return network


def batch(*genes: str, side: str = "left") -> dict[str, torch.Tensor]:
    return dict(TOKENIZER(list(genes), return_tensors="pt", padding=True, padding_side=side))


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_not_seen(model: GeneRNNForCausalLM, side: str) -> None:
    inputs = batch("ACGTTGCAAC", "GGT", side=side)
    logits = model(**inputs).logits
    for row, gene in enumerate(["ACGTTGCAAC", "GGT"]):
        alone = model(**batch(gene)).logits[0]
        assert torch.allclose(logits[row][inputs["attention_mask"][row].bool()], alone, atol=1e-6)


def test_state_carries_on(model: GeneRNNForCausalLM) -> None:
    tokens = batch("ACGTTGCAAC")["input_ids"]
    whole = model(tokens).logits
    first = model(tokens[:, :4])
    second = model(tokens[:, 4:], past_key_values=first[STATE_NAME])
    assert torch.allclose(torch.cat([first.logits, second.logits], dim=1), whole, atol=1e-6)
    assert second[STATE_NAME].get_seq_length() == tokens.shape[1]


def test_state_of_a_padded_batch_is_that_of_each_gene(model: GeneRNNForCausalLM) -> None:
    for side in ("left", "right"):
        inputs = batch("ACGTTGCAAC", "GGT", side=side)
        state = model(**inputs)[STATE_NAME].state.tensors
        alone = model(**batch("GGT"))[STATE_NAME].state.tensors
        for padded, single in zip(state, alone, strict=True):
            assert torch.allclose(padded[:, 1:], single, atol=1e-6)


@pytest.mark.parametrize("options", [{"do_sample": False}, {"num_beams": 4, "do_sample": False}, {"do_sample": True}])
def test_generating_with_a_cache_equals_without(model: GeneRNNForCausalLM, options: dict) -> None:
    written = []
    for use_cache in (True, False):
        set_seed(1)
        written.append(model.generate(**batch("ACGTTGCAAC", "GGT"), max_new_tokens=30, use_cache=use_cache, **options))
    assert torch.equal(*written)


def test_beams_find_what_they_score(model: GeneRNNForCausalLM) -> None:
    found = model.generate(
        **batch("ACGT"),
        num_beams=4,
        do_sample=False,
        max_new_tokens=8,
        output_scores=True,
        return_dict_in_generate=True,
    )
    sequence = found.sequences
    logs = model(sequence[:, :-1]).logits.log_softmax(-1)
    new = sequence[:, 5:]
    total = logs[:, 4:].gather(2, new.unsqueeze(-1)).sum() / new.shape[1]
    assert found.sequences_scores[0].item() == pytest.approx(total.item(), abs=1e-5)


def test_loss_is_nats_per_target(model: GeneRNNForCausalLM) -> None:
    tokens = batch("ACGTTGCAAC")["input_ids"]
    labels = tokens.clone()
    labels[:, :3] = -100
    logs = model(tokens).logits.log_softmax(-1)[0]
    by_hand = -sum(logs[i - 1, tokens[0, i]] for i in range(3, tokens.shape[1])) / (tokens.shape[1] - 3)
    assert model(tokens, labels=labels).loss.item() == pytest.approx(by_hand.item(), abs=1e-6)


def test_saved_and_loaded(model: GeneRNNForCausalLM, tmp_path) -> None:
    model.save_pretrained(tmp_path)
    tokens = batch("ACGTTGCAAC")["input_ids"]
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.allclose(loaded(tokens).logits, model(tokens).logits, atol=1e-6)
    if model.config.tie_word_embeddings:
        assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    hidden = AutoModel.from_pretrained(tmp_path)(tokens).last_hidden_state
    assert torch.allclose(loaded.lm_head(hidden), model(tokens).logits, atol=1e-6)


def test_an_lstm_starts_by_remembering() -> None:
    layers = GeneRNNForCausalLM(GeneRNNConfig(hidden_size=4)).model.layers
    assert layers.bias_ih_l0.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    recurrent = layers.weight_hh_l0[:4]
    assert torch.allclose(recurrent @ recurrent.T, torch.eye(4), atol=1e-5)


def test_dropout_acts_in_training_alone(model: GeneRNNForCausalLM) -> None:
    tokens = batch("ACGTTGCAAC")["input_ids"]
    assert torch.equal(model(tokens).logits, model(tokens).logits)
    model.train()
    assert not torch.equal(model(tokens).logits, model(tokens).logits)
    assert STATE_NAME not in model(tokens)


def test_tokens_are_read_as_torch_layers_read_their_embeddings(model: GeneRNNForCausalLM) -> None:
    tokens = batch("ACGTTGCAAC", "GGTACCATTG")["input_ids"]
    plain, _ = model.model.layers(model.model.embed_tokens(tokens))
    plain = model.lm_head(plain)
    for logits in (model(tokens).logits, model(inputs_embeds=model.get_input_embeddings()(tokens)).logits):
        assert torch.allclose(logits, plain, atol=1e-6)
    weights = list(model.parameters())
    gradients = [torch.autograd.grad(logits.square().mean(), weights) for logits in (plain, model(tokens).logits)]
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("model", ["gru"], indirect=True)
def test_the_state_of_a_gru_is_not_lowered_by_autocast(model: GeneRNNForCausalLM) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        state = model(batch("ACGTTGCAAC")["input_ids"])[STATE_NAME].state.tensors
    assert state[0].dtype == torch.float32


def test_a_foreign_cache_is_refused(model: GeneRNNForCausalLM) -> None:
    cache = DynamicCache()
    cache.update(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4), 0)
    with pytest.raises(ValueError, match="RecurrentCache was expected"):
        model(batch("ACG")["input_ids"], past_key_values=cache)
    with pytest.raises(NotImplementedError, match="cannot be cropped"):
        RecurrentCache(1).state.crop(1)


@pytest.mark.parametrize(
    "options",
    [
        {"cell_type": "rnn"},
        {"hidden_size": 0},
        {"dropout": 1.0},
        {"tie_word_embeddings": True, "embedding_size": 8, "hidden_size": 16},
    ],
)
def test_impossible_shapes_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        GeneRNNConfig(**options)
