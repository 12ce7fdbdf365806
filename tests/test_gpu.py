"""On a CUDA device: every family scores and generates as on the CPU, and training runs, resumes and packs its rows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import TINY, assert_equal, last_weights
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedModel

from genelm.eval import score_genes
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    GeneRNNConfig,
    GeneRNNForCausalLM,
    fit_head,
    generate_genes,
)
from genelm.tokenization import encode, load_tokenizer
from genelm.training import pack, train, use_packed_rows
from genelm.training.packing import packed_attention

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device to compare with the CPU"),
]
GENES = ["ACGTTGCAACGGT" * 20, "G", "TTTTNNACGT", "ACGGT" * 90]
IDS = [torch.from_numpy(encode(gene)) for gene in GENES]
FAMILIES = ["table", "mixture", "lstm", "gru", "gpt2"]


def build(family: str) -> PreTrainedModel:
    torch.manual_seed(0)
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    if family == "table":
        return GeneNGramForCausalLM(GeneNGramConfig(order=5)).count(IDS)
    if family == "mixture":
        model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture", both_strands=True)).count(IDS)
        fit_head(model, IDS, silent=True)
        return model
    if family == "gpt2":
        return AutoModelForCausalLM.from_config(GPT2Config(n_embd=64, n_layer=2, n_head=2, **special))
    return GeneRNNForCausalLM(GeneRNNConfig(cell_type=family, hidden_size=64))


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_the_cpu(family: str) -> None:
    model = build(family)
    on_cpu = score_genes(model, GENES)
    on_gpu = score_genes(model.to("cuda"), GENES)
    assert on_gpu.base_nats == pytest.approx(on_cpu.base_nats, abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_genes_are_generated(family: str) -> None:
    model = build(family).eval().to("cuda")
    prompts = torch.tensor([[2, 4, 5, 6], [2, 7, 6, 4]], device="cuda")
    with_cache, without = (
        model.generate(prompts, max_new_tokens=20, do_sample=False, use_cache=use_cache) for use_cache in (True, False)
    )
    assert with_cache.device.type == "cuda"
    assert with_cache.tolist() == without.tolist()
    for sequence, _ in generate_genes(model, load_tokenizer(), num=3, max_new_tokens=20):
        assert set(sequence) <= set("ACGT")


@pytest.mark.parametrize("head_size", [32, 20])
def test_flash_attention_of_packed_rows_is_that_of_padded_ones(head_size: int) -> None:
    lengths = np.array([150, 131, 70, 9, 1])
    shape = (1, 4, int(lengths.sum()), head_size)
    states = [torch.randn(shape, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
    packing = pack(lengths, torch.device("cuda"))["packing"]
    results = []
    for dropout in (0.0, 1e-9):  # with dropout, however little, the kernel is not asked
        attended, _ = packed_attention(torch.nn.Identity(), *states, None, packing=packing, dropout=dropout)
        results.append([attended, *torch.autograd.grad(attended.float().square().sum(), states)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=0.05, rtol=0.05)


def test_a_packed_row_trains_in_bf16() -> None:
    model = build("gpt2").to("cuda")
    assert use_packed_rows(model, [2, 4, 5, 6, 7])
    row = torch.randint(4, 8, (1, 81), device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        model(input_ids=row, labels=row, use_cache=False, **pack(np.array([50, 31]), row.device)).loss.backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_recurrent_layers_stay_in_float32_where_bf16_is_asked_for(cell: str) -> None:
    model = build(cell).to("cuda")
    with torch.autocast("cuda", torch.bfloat16):
        assert model.model(input_ids=torch.tensor([[2, 4, 5]], device="cuda")).last_hidden_state.dtype == torch.float32


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
@pytest.mark.parametrize("config", ["lstm", "gpt2"])
def test_the_configs_train(config: str, precision: str, small_dataset: Path, tmp_path: Path) -> None:
    file = Path(__file__).parent.parent / "configs" / f"{config}.yaml"
    options = ["--max_steps", "4", "--warmup_steps", "0", "--mixed_precision", precision, "--report_to", "none"]
    places = ["--config", str(file), "--data", str(small_dataset), "--output_dir", str(tmp_path / "run")]
    folder = train([*places, *options])
    record = json.loads((folder / "training_record.json").read_text())
    assert record["device"] == torch.cuda.get_device_name()
    assert record["best"]["validation_bits_per_base"] < 2.2


@pytest.mark.parametrize("model", ["lstm", "gru", "gpt2"])
def test_a_run_goes_on_from_its_checkpoint(model: str, small_dataset: Path, tmp_path: Path) -> None:
    options = "--max_steps 12 --eval_steps 6 --train_batch_positions 1500 --warmup_steps 2 --report_to none"
    options += " --mixed_precision no" + ("" if model == "gpt2" else " --model.dropout 0.3")
    command = ["--data", str(small_dataset), "--output_dir", str(tmp_path / "run"), *TINY[model].split()]
    command += options.split()
    train(command)
    whole = last_weights(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoint-00000012")
    train([*command, "--resume_from_checkpoint", "latest"])
    assert_equal(last_weights(tmp_path / "run"), whole, 1e-5)
