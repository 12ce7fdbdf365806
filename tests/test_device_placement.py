"""Models on a device that is not the CPU: a stand-in where there is no GPU (those of test_gpu.py need one)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from cuda_stand_in import cuda_stand_in
from torch._C import _len_torch_dispatch_stack, _len_torch_function_stack
from torch.utils._device import _device_constructors
from transformers import AutoModelForCausalLM, GPT2Config, PreTrainedModel

from genelm.eval import load_model, score_genes
from genelm.eval.scoring.adapters import SingleBaseModel, SingleBases
from genelm.modeling import GeneNGramConfig, GeneNGramForCausalLM, fit_head, save_model_folder
from genelm.tokenization import encode, load_tokenizer

GENES = ["ACGTTGCAACGGT" * 4, "G", "TTTTNNACGT", "ACGGT" * 12]
IDS = [torch.from_numpy(encode(gene)) for gene in GENES]
PROMPTS = torch.tensor([[2, 4, 5, 6], [2, 7, 6, 4]])

masks_are_followed = pytest.mark.skipif(
    transformers.__version__.startswith("4."), reason="transformers 4 makes masks under vmap, which hides the stand-in"
)


def ngram(**options: Any) -> GeneNGramForCausalLM:
    model = GeneNGramForCausalLM(GeneNGramConfig(**options)).count(IDS)
    if model.config.has_index:
        fit_head(model, IDS, silent=True)
    return model


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    special = {"vocab_size": 8, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    return AutoModelForCausalLM.from_config(GPT2Config(n_embd=16, n_layer=2, n_head=2, **special)).eval()


def test_the_stand_in_refuses_what_a_device_refuses() -> None:
    with cuda_stand_in() as device:
        there, here = torch.arange(3).to(device), torch.arange(3)
        assert (there + 1).device == device
        assert (there + torch.tensor(1)).device == device
        assert there[here].tolist() == [0, 1, 2]
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="same device"):
            there[there] = here
        with pytest.raises(TypeError, match="to numpy"):
            there.numpy()
        assert (there.cpu() + here).numpy().sum() == 6


def state_of_torch() -> dict[str, Any]:
    """Return what the stand-in could leave changed for the tests after it."""
    return {
        "functions": {name: id(value) for module in (torch, torch.cuda) for name, value in vars(module).items()},
        "taken for constructors": _device_constructors(),
        "swaps": torch.__future__.get_swap_module_params_on_conversion(),
        "cudnn": [getattr(torch.backends.cudnn, flag) for flag in ("enabled", "benchmark", "deterministic")],
        "precision": (
            getattr(getattr(torch.backends.cudnn, "rnn", None), "fp32_precision", None),  # since torch 2.9
            torch.get_float32_matmul_precision(),
        ),
        "default": (torch.get_default_dtype(), torch.get_default_device()),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "modes": (_len_torch_dispatch_stack(), _len_torch_function_stack()),
    }


@masks_are_followed
@pytest.mark.parametrize("known_before", [False, True], ids=["first", "later"])
def test_the_stand_in_leaves_torch_as_it_was(known_before: bool) -> None:
    model = gpt2()
    _device_constructors.cache_clear()
    before = state_of_torch()
    if not known_before:  # torch looks once in a process, and that may be while the stand-in is used
        _device_constructors.cache_clear()
    with cuda_stand_in() as device:
        score_genes(model.to(device), GENES)
        with torch.device("meta"):
            torch.tensor(1.0)
    assert state_of_torch() == before
    with torch.device("meta"):
        assert torch.tensor(1.0).device.type == "meta"


@pytest.mark.parametrize(
    "options",
    [
        {"order": 5, "smoothing": "mle"},
        {"order": 5},
        {"order": 3, "paper": True},
        {"order": 12, "smoothing": "interpolated", "both_strands": True},
        {"order": 24, "smoothing": "mixture", "both_strands": True, "own_gene": True},
    ],
    ids=str,
)
def test_an_ngram_model_scores_counts_and_generates_on_another_device(options: dict[str, Any]) -> None:
    model = ngram(**options)
    scores, nats = score_genes(model, GENES), model.score(IDS).tolist()
    continued = model.generate(PROMPTS, max_new_tokens=12, do_sample=False).tolist()
    twice = ngram(**options).count(IDS).score(IDS).tolist()
    with cuda_stand_in() as device:
        model.to(device)
        assert model.device == device
        assert score_genes(model, GENES).base_nats == pytest.approx(scores.base_nats, rel=1e-6)
        assert model.score(IDS).tolist() == pytest.approx(nats, rel=1e-6)
        generated = model.generate(PROMPTS.to(device), max_new_tokens=12, do_sample=False)
        assert generated.device == device
        assert generated.tolist() == continued
        assert model.count(IDS).device == device
        assert model.score(IDS).tolist() == pytest.approx(twice, rel=1e-6)


@masks_are_followed
def test_a_transformer_scores_and_generates_on_another_device() -> None:
    model = gpt2()
    scores = score_genes(model, GENES)
    continued = model.generate(PROMPTS, max_new_tokens=12, do_sample=False).tolist()
    with cuda_stand_in() as device:
        model.to(device)
        assert score_genes(model, GENES).base_nats == pytest.approx(scores.base_nats, rel=1e-5)
        assert model.generate(PROMPTS.to(device), max_new_tokens=12, do_sample=False).tolist() == continued


@masks_are_followed
def test_a_model_over_other_ids_is_moved_whole() -> None:
    model = SingleBaseModel(gpt2(), SingleBases(bases=(4, 5, 6, 7), unknown=1, bos=2, eos=3)).eval()
    scores = score_genes(model, GENES)
    with cuda_stand_in() as device:
        model.to(device)
        assert score_genes(model, GENES).base_nats == pytest.approx(scores.base_nats, rel=1e-5)


def test_models_are_loaded_to_where_they_are_fastest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"gpt2": gpt2(), "table": ngram(order=5), "index": ngram(order=8, smoothing="interpolated")}
    for name, model in models.items():
        save_model_folder(tmp_path / name, model, load_tokenizer(), record={})
    with cuda_stand_in() as device:
        monkeypatch.setattr("genelm.eval.scoring.loaded_model.this_process", lambda: SimpleNamespace(device=device))
        places = {name: load_model(str(tmp_path / name))[0].device.type for name in models}
    assert places == {"gpt2": "cuda", "table": "cuda", "index": "cpu"}
