"""The task "probing": what the features of a gene are, and what probes find in features of known worth."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MambaConfig, PreTrainedModel, set_seed

from genelm.eval import Measurement
from genelm.eval.scoring import mean_hidden_states
from genelm.eval.sequences import kmer_frequencies
from genelm.eval.tasks import Probing
from genelm.eval.tasks.probing import balanced_accuracy
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, GeneRNNConfig, GeneRNNForCausalLM
from genelm.storage import InputError
from genelm.tokenization import encode

SPECIAL = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
GENES = ["ACGTTGCAACGGT", "G", "TTTTNNACGT", "", "acggt" * 9, "CCA", "NN"]


def gpt2() -> PreTrainedModel:
    return AutoModelForCausalLM.from_config(GPT2Config(n_positions=64, n_embd=32, n_layer=2, n_head=2, **SPECIAL))


def llama() -> PreTrainedModel:
    sizes: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    return AutoModelForCausalLM.from_config(LlamaConfig(num_attention_heads=2, **sizes, **SPECIAL))


def mamba() -> PreTrainedModel:
    return AutoModelForCausalLM.from_config(MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **SPECIAL))


def lstm() -> PreTrainedModel:
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=8, hidden_size=32))


@pytest.fixture(scope="module", params=[gpt2, llama, mamba, lstm], ids=lambda build: build.__name__)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    set_seed(0)
    return request.param().eval()


def one_gene_at_a_time(model: PreTrainedModel, gene: str) -> np.ndarray:
    """Average the states that go into the head, which is what it makes logits of; they are caught at its door."""
    caught: list[torch.Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        model(torch.tensor([[2, *encode(gene).tolist()]]), use_cache=False)
    hook.remove()
    states = caught[0][0, 1:].double().numpy()[[letter in "ACGTacgt" for letter in gene]]
    return states.mean(axis=0) if len(states) else np.zeros(32)


@pytest.mark.parametrize("max_positions", [1, 60, 16_384])
def test_hidden_states_are_those_of_each_gene_read_alone(model: PreTrainedModel, max_positions: int) -> None:
    model.train()  # dropout must not matter, and the mode is kept
    together = mean_hidden_states(model, GENES, max_positions=max_positions)
    assert model.training
    model.eval()
    assert together is not None
    assert together.dtype == np.float64
    assert together == pytest.approx(np.array([one_gene_at_a_time(model, gene) for gene in GENES]), abs=1e-6)
    assert np.abs(together[[0, 1, 2, 4, 5]]).max(axis=1).min() > 0


def test_an_n_gram_has_no_hidden_states() -> None:
    assert mean_hidden_states(GeneNGramForCausalLM(GeneNGramConfig(order=3)), GENES) is None


def test_genes_too_long_and_damaged_weights_are_refused() -> None:
    with pytest.raises(InputError, match="this gpt2 reads at most 63"):
        mean_hidden_states(gpt2(), ["A" * 64])
    network = lstm()
    torch.nn.init.constant_(network.get_input_embeddings().weight, torch.nan)
    with pytest.raises(InputError, match="no numbers"):
        mean_hidden_states(network, ["ACGT"])


def test_kmer_counts_by_hand() -> None:
    # Of k = 2 in alphabetical order, AA is 0, AC 1, CG 6, GT 11 and TA 12; ACGTAC has AC twice.
    frequencies = kmer_frequencies(["ACGTAC", "AANaa", "T", "", "NNNN"], k=2)
    expected = np.zeros((5, 16))
    expected[0, [1, 6, 11, 12]] = [2 / 5, 1 / 5, 1 / 5, 1 / 5]
    expected[1, 0] = 1
    assert frequencies.tolist() == expected.tolist()
    assert kmer_frequencies(["ACGTT"]).nonzero()[1].tolist() == [
        0 * 64 + 1 * 16 + 2 * 4 + 3,
        1 * 64 + 2 * 16 + 3 * 4 + 3,
    ]
    assert kmer_frequencies(["ACGTT"]).shape == (1, 256)


def test_balanced_accuracy_by_hand() -> None:
    classes, right = np.array([0, 0, 0, 0, 3, 3]), np.array([True, True, True, False, False, False])
    assert balanced_accuracy(classes, right) == (3 / 4 + 0) / 2


def probe(features: np.ndarray, labels: list[str | None], clusters: np.ndarray, seed: int = 0) -> list[Measurement]:
    bases = np.full(len(labels), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Probing().measure_features(
            features, labels=labels, label_name="gene_type", clusters=clusters, n_bases=bases, seed=seed
        )


def find(measurements: list[Measurement], metric: str, stratum: str = "all") -> Measurement:
    (found,) = [m for m in measurements if (m.metric, m.stratum) == (metric, stratum)]
    return found


def holds(measurement: Measurement, value: float) -> bool:
    assert measurement.confidence_interval is not None
    low, high = measurement.confidence_interval
    return low <= value <= high


def test_separate_classes_are_told_and_others_left_out() -> None:
    sizes = {"tRNA": 60, "ncRNA": 40, "rRNA": 30, "scRNA": 29, "snRNA": 30, None: 3}
    labels = [label for label, size in sizes.items() for _ in range(size)]
    kinds = np.repeat(np.arange(6), list(sizes.values()))
    clusters = np.arange(len(labels)).astype(np.str_)
    clusters[kinds == 4] = (np.arange(30) % 4).astype(np.str_)  # enough genes, one cluster too few
    features = np.random.default_rng(0).normal(size=(len(labels), 6)) / 100 + np.eye(6)[kinds]
    features[kinds == 3] = np.nan  # would be an error if they were looked at
    found = probe(features, labels, clusters)
    for metric in ("knn_accuracy", "knn_balanced_accuracy", "linear_accuracy", "linear_balanced_accuracy"):
        perfect = find(found, metric)
        assert (perfect.value, perfect.confidence_interval) == (1.0, (1.0, 1.0))
        assert (perfect.group, perfect.n_genes, perfect.n_bases) == ("gene_type", 130, 1300)
    assert find(found, "majority_accuracy").value == 60 / 130
    assert holds(find(found, "majority_accuracy"), 60 / 130)
    assert find(found, "chance_balanced_accuracy").value == 1 / 3
    recalls = [(m.group, m.stratum, m.value, m.n_genes) for m in found if m.metric == "linear_recall"]
    group = "gene_type by class"
    assert recalls == [(group, "ncRNA", 1.0, 40), (group, "rRNA", 1.0, 30), (group, "tRNA", 1.0, 60)]
    assert {(m.task, m.task_version, m.convention, m.units) for m in found} == {("probing", 1, "genelm", "")}
    assert probe(features, labels, clusters) == found


def test_random_features_tell_nothing() -> None:
    generator = np.random.default_rng(1)
    labels = ["a", "b", "c"] * 100
    found = probe(generator.normal(size=(300, 8)), labels, np.arange(300).astype(np.str_))
    for name in ("knn", "linear"):
        assert holds(find(found, f"{name}_balanced_accuracy"), 1 / 3)
        balanced = find(found, f"{name}_balanced_accuracy").value
        assert balanced == pytest.approx(np.mean([find(found, f"{name}_recall", label).value for label in "abc"]))


def test_a_cluster_is_never_on_both_sides() -> None:
    # Features that are the cluster's alone: known to a probe that has seen another gene of the cluster, else useless.
    generator = np.random.default_rng(2)
    features = np.repeat(generator.normal(size=(100, 12)), 4, axis=0)
    clusters = np.repeat(np.arange(100), 4).astype(np.str_)
    labels = np.repeat(generator.permutation(["a", "b"] * 50), 4).tolist()
    found = probe(features, labels, clusters)
    mixed = probe(features, labels, np.arange(400).astype(np.str_))
    for name in ("knn", "linear"):
        assert holds(find(found, f"{name}_balanced_accuracy"), 1 / 2)
    assert find(mixed, "knn_balanced_accuracy").value > 0.95


def test_one_large_cluster_and_few_other_genes() -> None:
    # The fold of the large cluster leaves eight genes to learn from, fewer than the neighbors asked for.
    labels = ["a"] * 30 + ["b"] * 30
    clusters = np.array(["large"] * 26 + list("1234") + ["large"] * 26 + list("1234"))
    features = np.repeat([[0.0], [1.0]], 30, axis=0)
    found = probe(features, labels, clusters)
    assert find(found, "linear_accuracy").value == 1
    assert find(found, "knn_accuracy").n_genes == 60


@pytest.mark.parametrize(("labels", "reason"), [(["a"] * 40, "there is one"), (["a", None] * 20, "there is none")])
def test_fewer_than_two_classes_are_refused(labels: list[str | None], reason: str) -> None:
    with pytest.raises(InputError, match=f"Probing needs two classes of gene_type .* but {reason};"):
        probe(np.zeros((40, 2)), labels, np.arange(40).astype(np.str_))
