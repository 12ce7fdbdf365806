"""The optimizer of a run: what Muon takes on and what AdamW does, and that both are one."""

import copy
from pathlib import Path

import pytest
import torch
from training_runs import TINY, arguments

from genelm.storage import InputError
from genelm.training import build_model, check_config, make_optimizer, parse_config
from genelm.training.optimizer import Muon, MuonWithAdamW


def built(model: str, optimizer: str = "muon", precision: str = "no") -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    options = arguments(Path("data"), Path("run"), model, f"--optimizer {optimizer} --learning_rate 0.01")
    config, section = parse_config(options, None)
    torch.manual_seed(0)
    network = build_model(section)
    return network, make_optimizer(network, config, precision)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    ids = torch.tensor([[2, 4, 5, 6, 7, 7, 6, 5]])
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("model", TINY)
def test_muon_has_the_matrices_of_the_layers_and_adamw_the_rest(model: str) -> None:
    network, optimizer = built(model)
    muon, decayed, undecayed = ({id(p) for p in group["params"]} for group in optimizer.param_groups)
    every = dict(network.named_parameters())
    assert sorted(muon | decayed | undecayed) == sorted(map(id, every.values()))
    assert len(muon) + len(decayed) + len(undecayed) == len(every)
    by_muon = {name for name, parameter in every.items() if id(parameter) in muon}
    parts = ("layers", "weight_ih", "weight_hh", "attn", "mlp", "proj", "mixer")
    assert by_muon
    assert all(any(part in name for part in parts) and every[name].ndim == 2 for name in by_muon)
    assert not any(part in name for name in by_muon for part in ("embed", "wte", "wpe", "lm_head", "norm", "A_log"))
    assert all(parameter.ndim < 2 for parameter in every.values() if id(parameter) in undecayed)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.01, 0.0]


def test_its_first_step_is_an_orthogonal_one() -> None:
    network, optimizer = built("gpt2")
    weight = network.transformer.h[0].mlp.c_fc.weight  # 16 x 64
    before = weight.detach().clone()
    step(network, optimizer)
    # A gradient of seven predictions has seven singular values, which are brought near 1; the step is as long as one
    # of AdamW.
    taken = (before * (1 - 0.01 * 0.01) - weight.detach()) / (0.01 * 0.2 * 64**0.5)
    values = torch.linalg.svdvals(taken)
    assert 0.6 < values[6] <= values[0] < 1.3
    assert values[7] < 0.1


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has a Muon from 2.9 on")
def test_in_bf16_its_steps_are_those_of_pytorch_to_the_bit() -> None:
    torch.manual_seed(0)
    shapes = [(64, 16), (16, 64), (8, 8)]
    ours, peers = ([torch.nn.Parameter(matrix.clone()) for matrix in map(torch.ones, shapes)] for _ in range(2))
    options = {"lr": 0.01, "weight_decay": 0.1}
    optimizers = (
        Muon(ours, dtype=torch.bfloat16, **options),
        torch.optim.Muon(peers, adjust_lr_fn="match_rms_adamw", **options),
    )
    for _ in range(3):
        for mine, other in zip(ours, peers, strict=True):
            mine.grad = torch.randn(mine.shape)
            other.grad = mine.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
        for mine, other in zip(ours, peers, strict=True):
            assert torch.equal(mine, other)
    assert optimizers[0].state_dict()["param_groups"] == optimizers[1].state_dict()["param_groups"]
    assert not torch.equal(ours[0], torch.ones(64, 16))


def test_one_schedule_moves_both_and_the_state_of_both_is_restored() -> None:
    network, optimizer = built("lstm")
    assert isinstance(optimizer, MuonWithAdamW)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda count: 1 / (1 + count))
    step(network, optimizer)
    schedule.step()
    assert {group["lr"] for group in optimizer.param_groups} == {0.005}
    twin, restored = built("lstm")
    twin.load_state_dict(network.state_dict())
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for model, one in ((network, optimizer), (twin, restored)):
        step(model, one)
    for (name, weight), other in zip(network.named_parameters(), twin.parameters(), strict=True):
        assert torch.equal(weight, other), name
    still, unmoved = built("lstm")
    still.load_state_dict(network.state_dict())
    for group in unmoved.param_groups:
        group["lr"] = 0.0
    step(still, unmoved)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), still.parameters(), strict=True))


def test_adamw_alone_by_default_and_others_are_refused() -> None:
    network, _ = built("lstm")
    network.requires_grad_(False).lm_head.requires_grad_(True)
    config, _ = parse_config(arguments(Path("data"), Path("run"), "lstm", "--optimizer muon"), None)
    with pytest.raises(InputError, match="A gene_rnn has no linear layer for --optimizer muon; give adamw"):
        make_optimizer(network, config, "no")
    assert type(built("lstm", "adamw")[1]) is torch.optim.AdamW
    config, _ = parse_config(arguments(Path("data"), Path("run"), "lstm", "--optimizer sgd"), None)
    with pytest.raises(InputError, match="--optimizer sgd is not known here; choose one of adamw, muon"):
        check_config(config)


def test_a_scaled_loss_is_scaled_back_once_and_a_step_that_overflows_left_out() -> None:
    ids = torch.tensor([[2, 4, 5, 6, 7, 7, 6, 5]])
    weights = []
    for scale in (1.0, 1024.0):
        network, optimizer = built("lstm", precision="fp16")
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        for overflows in (False, True, False):
            before = {name: weight.clone() for name, weight in network.named_parameters()}
            scaler.scale(network(input_ids=ids, labels=ids).loss).backward()
            if overflows:
                network.lm_head.bias.grad[0] = torch.inf
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            for name, weight in network.named_parameters():
                assert torch.equal(weight, before[name]) == overflows, name
        weights.append(dict(network.named_parameters()))
    for name, weight in weights[0].items():
        assert torch.allclose(weight, weights[1][name], atol=1e-5), name
