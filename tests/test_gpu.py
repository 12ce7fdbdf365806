"""On a CUDA device: every family scores as on the CPU, and training runs in full and in mixed precision."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config

from genelm.eval import score_genes
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, GeneRNNConfig, GeneRNNForCausalLM, fit_head
from genelm.tokenization import encode
from genelm.training import train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device to compare with the CPU"),
]
GENES = ["ACGTTGCAACGGT" * 20, "G", "TTTTNNACGT", "ACGGT" * 90]


def test_scores_are_those_of_the_cpu() -> None:
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    ngram = GeneNGramForCausalLM(GeneNGramConfig(order=5))
    mixture = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture", both_strands=True))
    mixture.count(torch.from_numpy(encode(gene)) for gene in GENES)
    fit_head(mixture, [torch.from_numpy(encode(gene)) for gene in GENES], silent=True)
    for model in (
        mixture,
        ngram.count(torch.from_numpy(encode(gene)) for gene in GENES),
        GeneRNNForCausalLM(GeneRNNConfig(hidden_size=64)),
        GeneRNNForCausalLM(GeneRNNConfig(cell_type="gru", hidden_size=64)),
        AutoModelForCausalLM.from_config(GPT2Config(n_embd=64, n_layer=2, n_head=2, **special)),
    ):
        on_cpu = score_genes(model.to("cpu"), GENES)
        on_gpu = score_genes(model.to("cuda"), GENES)
        assert on_gpu.base_nats == pytest.approx(on_cpu.base_nats, abs=1e-3)


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("config", ["lstm", "gpt2"])
def test_the_configs_train(config: str, precision: str, small_dataset: Path, tmp_path: Path) -> None:
    file = Path(__file__).parent.parent / "configs" / f"{config}.yaml"
    options = ["--max_steps", "4", "--mixed_precision", precision, "--report_to", "none"]
    places = ["--config", str(file), "--data", str(small_dataset), "--output_dir", str(tmp_path / "run")]
    folder = train([*places, *options])
    record = json.loads((folder / "training_record.json").read_text())
    assert record["device"] == torch.cuda.get_device_name()
    assert record["best"]["validation_bits_per_base"] < 2.2
