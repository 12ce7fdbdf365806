"""How fast training is beside its peers: python benchmarks/train.py data/human_genes

On the same genes, by turns in one run, each in a process of its own, two threads unless told otherwise; of its turns
the fastest counts, since a machine that others use as well is only ever slowed down:

- the rate of matrix products in float32 and bfloat16, of which the shares below are shares;
- an LSTM of 2 x 256, beside Keras with the paper's padded batches (`pip install tensorflow keras-hub`, or the Python
  of an environment that has them as --keras);
- GPT-2 of 4 x 256, beside transformers' Trainer with padded batches;
- the same LSTM on one process and two of one thread each, every process with batches of the same size;
- what is behind it: the same in float32, with the memory allocator of the C library, and attention in blocks beside
  PyTorch's own;
- how threads wait for each other (`--threads` measures that alone): steps of the LSTM of lstm_five_minutes.yaml by
  what OpenMP is told, on a quiet machine and beside programs that keep one and two cores busy, the median of two
  turns, in benchmarks/results/threads.json;
- where a step of that LSTM spends its time (`--step` measures that alone), in benchmarks/results/step.json;
- what it costs: the LSTM trained for two epochs in either precision, bits/base on validation.

Speeds are real bases a second in the steady state: the latter half of the steps, when most shapes of batches have come
once. Each peer takes batches of as many genes as ours have on average. An allocator that is preloaded (docs/scaling.md
says how) serves ours alone; peers have the C library's. Results go to benchmarks/results/train.json, and a table of
them to docs/scaling.md.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from genelm.dataset_scripts import load_split
from genelm.eval import update_table
from genelm.storage import LOAD, prepare_environment, usable_cores, write_json
from genelm.tokenization import VOCABULARY

RESULTS = Path(__file__).parent / "results" / "train.json"
GPU_RESULTS = RESULTS.with_name("train_gpu.json")
THREAD_RESULTS = RESULTS.with_name("threads.json")
STEP_RESULTS = RESULTS.with_name("step.json")
TRAIN = Path(__file__).parent.parent / "train.py"
DOCUMENT = Path(__file__).parent.parent / "docs" / "scaling.md"
PAIRS = {
    "lstm beside keras": ("lstm", "keras lstm"),
    "gpt2 beside trainer": ("gpt2", "trainer gpt2"),
    "two processes beside one": ("lstm, 2 x 1 thread", "lstm, 1 x 1 thread"),
    "lstm beside float32": ("lstm", "lstm, float32"),
    "lstm beside malloc": ("lstm", "lstm, malloc of the C library"),
}

ROUNDS = 2
STEPS = {"lstm": 160, "gpt2": 60, "threads": 10, "step": 8}
BATCH = (11, 370)
"""Genes and bases of a batch of lstm_five_minutes.yaml, about."""
SHOWN = 8
POSITIONS = 8192
POSITIONS_OF_A_PROCESS = 32_768
POSITIONS_OF_A_GPU = 65_536
GENES = 22
SETTINGS: dict[str, dict[str, str]] = {
    "genelm's choice": {},
    "100 turns": {"GOMP_SPINCOUNT": "100", "THREADS": "all"},
    "1,000 turns": {"GOMP_SPINCOUNT": "1000", "THREADS": "all"},
    "30,000 turns": {"GOMP_SPINCOUNT": "30000", "THREADS": "all"},
    "300,000 turns, GNU's own": {"GOMP_SPINCOUNT": "300000", "THREADS": "all"},
    "always, OMP_WAIT_POLICY=active": {"OMP_WAIT_POLICY": "active", "THREADS": "all"},
    "one thread": {"THREADS": "1"},
}
"""For how long a thread waits in a loop before it sleeps, and how many there are."""

THREAD_ROUNDS, BUSY_PROGRAMS, TIMES_AS_FAST = 2, (0, 1, 2), 1.5
PADDED = 1023
LSTM = {"model_type": "gene_rnn", "embedding_size": 256, "hidden_size": 256, "num_hidden_layers": 2}
GPT2 = {
    "model_type": "gpt2",
    "n_positions": 1024,
    "n_embd": 256,
    "n_layer": 4,
    "n_head": 4,
    "activation_function": "gelu_pytorch_tanh",
    "resid_pdrop": 0,
    "embd_pdrop": 0,
    "attn_pdrop": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="dataset, as `genelm data build` writes it")
    parser.add_argument("--keras", default=sys.executable, help="Python that has keras and tensorflow")
    parser.add_argument("--gpu", action="store_true", help="measure ours on a GPU, without peers")
    parser.add_argument("--threads", action="store_true", help="measure how threads wait for each other, and no more")
    parser.add_argument("--step", action="store_true", help="measure where a step's time goes, and no more")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job is not None:
        LOAD.begin()
        print(json.dumps(PEERS[arguments.job](arguments.data)))
        return
    if not arguments.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif not torch.cuda.is_available():
        parser.error("--gpu: there is none")
    prepare_environment()  # for the jobs, each a process of its own
    if arguments.threads:
        threads(arguments.data)
        return
    if arguments.step:
        step(arguments.data)
        return
    measured = by_turns(jobs(arguments) | {"device": partial(run_here, "device", arguments.data)})
    results: dict[str, Any] = {"device": max(measured.pop("device"), key=lambda turn: turn["bf16"])}
    results["device"]["preloaded"] = Path(os.environ.get("LD_PRELOAD", "")).name
    for name, turns in measured.items():
        fastest = max(turns, key=lambda turn: turn.get("bases_per_second", 0.0))
        results[name] = fastest | {"turns": [turn.get("bases_per_second") for turn in turns]}
    results["ratios"] = ratios(results)
    for name, model in (("lstm", LSTM), ("gpt2", GPT2)):
        rate = results["device"]["bf16" if results[name]["mixed_precision"] == "bf16" else "float32"]
        reached = results[name]["bases_per_second"] * flops_per_base(model, arguments.data)
        results[name]["gflops"] = reached / 1e9
        results[name]["share_of_product_rate"] = reached / 1e9 / rate
    if not arguments.gpu:
        results["attention"] = run_here("attention", arguments.data)
        for precision in ("no", "bf16"):
            results[f"lstm, two epochs, {precision}"] = ours(
                arguments.data, LSTM, num_train_epochs=2, mixed_precision=precision
            )
        update_table(DOCUMENT, speed_table(results), name="speed")
        threads(arguments.data)
        step(arguments.data)
    write_json(GPU_RESULTS if arguments.gpu else RESULTS, results)
    print(json.dumps(results, indent=2))


def jobs(arguments: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what is measured by turns."""

    def lstm(**options: Any) -> Callable[[], dict[str, Any]]:
        return partial(ours, arguments.data, LSTM, **{"max_steps": STEPS["lstm"]} | options)

    def on_processes(number: int) -> Callable[[], dict[str, Any]]:
        positions = number * POSITIONS_OF_A_PROCESS
        return lstm(processes=number, train_batch_positions=positions, cpu_threads=1, max_steps=STEPS["lstm"] // 2)

    gpt2 = partial(ours, arguments.data, GPT2, max_steps=STEPS["gpt2"])
    if arguments.gpu:
        large = {"train_batch_positions": POSITIONS_OF_A_GPU}
        return {
            "lstm": lstm(**large),
            "lstm, float32": lstm(**large, mixed_precision="no"),
            "gpt2": partial(gpt2, **large),
        }
    measured = {"lstm": lstm(), "keras lstm": partial(run_keras, arguments)}
    if "LD_PRELOAD" in os.environ:
        measured["lstm, malloc of the C library"] = lstm(environment={"LD_PRELOAD": ""})
    return measured | {
        "lstm, float32": lstm(mixed_precision="no"),
        "gpt2": gpt2,
        "trainer gpt2": partial(run_here, "trainer", arguments.data),
        "lstm, 1 x 1 thread": on_processes(1),
        "lstm, 2 x 1 thread": on_processes(2),
    }


def by_turns(measured: dict[str, Callable[[], dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Run each job once a round."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, job in measured.items():
            turns[name].append(job())
            print(name, turns[name][-1].get("bases_per_second"), file=sys.stderr, flush=True)
    return turns


def speed_table(results: dict[str, Any]) -> str:
    """Return the Markdown table of docs/scaling.md."""
    lines = ["| training | real bases/s | beside | times as fast |", "| --- | ---: | --- | ---: |"]
    for name, ratio in results["ratios"].items():
        one, other = PAIRS[name]
        lines.append(
            f"| {one} | {results[one]['bases_per_second']:,.0f} | {other}, "
            f"{results[other]['bases_per_second']:,.0f} | {ratio:.2f} |"
        )
    device = results["device"]
    lines += [
        "",
        f"The fastest of {ROUNDS} turns each, on {device['threads']} cores of a CPU whose products of matrices reach "
        f"{device['float32']:,.0f} GFLOP/s in "
        f"float32 and {device['bf16']:,.0f} in bf16; the LSTM's steps reach "
        f"{results['lstm']['share_of_product_rate']:.0%} of the rate of their precision, those of GPT-2 "
        f"{results['gpt2']['share_of_product_rate']:.0%}. Loading took {results['lstm']['share_of_time_loading']:.2%} "
        f"of the time for the LSTM and {results['gpt2']['share_of_time_loading']:.2%} for GPT-2; "
        f"{results['lstm']['share_of_positions_used']:.1%} and {results['gpt2']['share_of_positions_used']:.1%} of "
        "positions were predicted.",
    ]
    full, half = (results[f"lstm, two epochs, {one}"]["validation_bits_per_base"] for one in ("no", "bf16"))
    lines[-1] += f" After two epochs the LSTM has {full:.4f} bits/base on validation in float32, {half:.4f} in bf16."
    if device["preloaded"]:
        held = (results[name]["peak_memory_gb"] for name in ("lstm", "lstm, malloc of the C library"))
        lines[-1] += (
            f" Ours had {device['preloaded']} preloaded, the peers not; with it the LSTM held {next(held):.1f} GB, "
        )
        lines[-1] += f"without {next(held):.1f}."
    return "\n".join(lines) + "\n"


def ratios(results: dict[str, Any]) -> dict[str, float]:
    """Divide our speeds by those of the peers that were measured."""
    return {
        name: results[one]["bases_per_second"] / results[other]["bases_per_second"]
        for name, (one, other) in PAIRS.items()
        if all("bases_per_second" in results.get(part, {}) for part in (one, other))
    }


def flops_per_base(model: dict[str, Any], data: Path) -> float:
    """Return the floating-point operations of products that a training step needs for each symbol: twice for each
    weight of a matrix forwards, twice that backwards, and those of attention."""
    if model["model_type"] == "gene_rnn":
        size, layers = model["hidden_size"], model["num_hidden_layers"]
        # On a CPU the first layer reads symbols, not their embeddings.
        width = model["embedding_size"] if torch.cuda.is_available() else len(VOCABULARY)
        weights = 4 * size * (width + size) + (layers - 1) * 8 * size * size
        return 6.0 * weights
    lengths = torch.tensor(load_split(data, "train")["length"][:], dtype=torch.float64) + 1
    # A symbol attends to half of its gene on average; long genes have more symbols.
    seen = float((lengths * lengths).sum() / lengths.sum()) / 2
    return 6.0 * model["n_layer"] * (12 * model["n_embd"] ** 2 + 2 * seen * model["n_embd"])


def ours(
    data: Path,
    model: dict[str, Any],
    *,
    processes: int = 1,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Run train.py with further options, and return the speed of its latter half and what else its record says."""
    with tempfile.TemporaryDirectory() as folder:
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1"]
        launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_processes", str(processes)]
        launch += ["--multi_gpu", "--main_process_port", "0"] if processes > 1 else []
        options = {
            "train_batch_positions": POSITIONS,
            "learning_rate": 5e-3,
            "warmup_steps": 10,
            "report_to": "none",
            "eval_steps": 100_000,  # at the end alone
            **more,
        }
        options |= {f"model.{name}": value for name, value in model.items()}
        command = [*launch, str(TRAIN), "--data", str(data), "--output_dir", f"{folder}/run"]
        command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
        print(*command[1:], file=sys.stderr, flush=True)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ | (environment or {}))
        record = json.loads(Path(folder, "run", "training_record.json").read_text())
    curve = record["curve"][len(record["curve"]) // 2 :]
    return {
        "bases_per_second": statistics.median(entry["bases_per_second"] for entry in curve),
        "share_of_positions_used": statistics.mean(entry["share_of_positions_used"] for entry in curve),
        "share_of_time_loading": statistics.mean(entry["share_of_time_loading"] for entry in curve),
        "peak_memory_gb": record["peak_memory_gb"],
        "mixed_precision": record["mixed_precision"],
        "validation_bits_per_base": record["best"]["validation_bits_per_base"],
        "seconds": record["seconds"],
    }


@contextlib.contextmanager
def busy_program() -> Iterator[None]:
    """Have a program that keeps one processor busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def threads(data: Path) -> None:
    """Measure the LSTM's steps by how its threads wait, and write it down."""
    turns: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for _ in range(THREAD_ROUNDS):
        for number in BUSY_PROGRAMS:
            with contextlib.ExitStack() as programs:
                for _ in range(number):
                    programs.enter_context(busy_program())
                for name, environment in SETTINGS.items():
                    done = run_here("step", data, environment)
                    turns.setdefault(name, {}).setdefault(str(number), []).append(done)
                    print(f"{name}, {number} busy:", done, file=sys.stderr, flush=True)
    results = {
        "cores": len(usable_cores()),
        "settings": {
            name: {
                number: {
                    "bases_per_second": statistics.median(turn["bases_per_second"] for turn in some),
                    "threads": statistics.mode(turn["threads"] for turn in some),
                    "turns": [turn["bases_per_second"] for turn in some],
                }
                for number, some in by_load.items()
            }
            for name, by_load in turns.items()
        },
    }
    write_json(THREAD_RESULTS, results)
    update_table(DOCUMENT, threads_table(results), name="threads")
    ours = results["settings"]["genelm's choice"]
    print(f"GOMP_SPINCOUNT is {os.environ.get('GOMP_SPINCOUNT', 'not set')}.")
    for number in map(str, BUSY_PROGRAMS):
        for name, by_load in results["settings"].items():
            ratio = by_load[number]["bases_per_second"] / ours[number]["bases_per_second"]
            if ratio >= TIMES_AS_FAST:
                print(f"Beside {number} busy programs, {name} is {ratio:.1f} times as fast as genelm's choice.")


def threads_table(results: dict[str, Any]) -> str:
    """Return the Markdown table of thousand bases a second, by how threads wait and what runs beside."""
    heads = {"0": "quiet", "1": "one busy program", "2": "two"}
    lines = [
        f"| threads of OpenMP wait in a loop | {' | '.join(heads.values())} |",
        f"| --- | {' | '.join('---:' for _ in heads)} |",
    ]
    for name, by_load in results["settings"].items():
        cells = []
        for number in heads:
            measured = by_load[number]
            number_of_threads = f" ({measured['threads']} threads)".replace("(1 threads)", "(1 thread)")
            cells.append(f"{measured['bases_per_second'] / 1000:.1f}{number_of_threads}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Thousand bases a second in steps of the LSTM of lstm_five_minutes.yaml, on {results['cores']} cores; the "
        f"median of {THREAD_ROUNDS} turns.",
    ]
    return "\n".join(lines) + "\n"


def measure_step(_: Path) -> dict[str, Any]:
    """Return the speed of training steps on batches of one shape, with the threads that the environment asks for."""
    asked = os.environ.get("THREADS")
    cores = len(usable_cores())
    torch.set_num_threads(LOAD.free_cores() if asked is None else cores if asked == "all" else int(asked))
    one_step = step_of_lstm()
    tokens = torch.randint(4, 8, BATCH)
    moments = []
    for _ in range(STEPS["threads"]):
        one_step(tokens)
        moments.append(time.perf_counter())
    half = len(moments) // 2
    seconds = (moments[-1] - moments[half]) / (len(moments) - 1 - half)
    return {"bases_per_second": tokens.numel() / seconds, "threads": torch.get_num_threads()}


def step_of_lstm(cast: bool = True) -> Callable[[torch.Tensor], None]:
    """Return what takes a step of the LSTM of lstm_five_minutes.yaml on a batch, in bf16 or in float32."""
    from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM

    torch.manual_seed(0)
    model = GeneRNNForCausalLM(GeneRNNConfig(embedding_size=64, hidden_size=256, num_hidden_layers=2)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def one_step(tokens: torch.Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            logits = model(tokens, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()

    return one_step


def step(data: Path) -> None:
    """Measure where a step's time goes, and write it down."""
    results = run_here("parts of a step", data)
    write_json(STEP_RESULTS, results)
    update_table(DOCUMENT, step_table(results), name="step")


def step_table(results: dict[str, Any]) -> str:
    """Return the Markdown table of what a step's time goes to."""
    lines = ["| what a step does | share of its time |", "| --- | ---: |"]
    lines += [f"| `{name}` | {share:.0%} |" for name, share in results["shares"].items()]
    products, like = results["product_rate"], results["product_rate_of_a_position"]
    lines += [
        "",
        f"A step of {BATCH[0]} genes of {BATCH[1]} bases takes {results['ms']:.0f} ms in bf16 on {results['threads']} "
        f"threads ({results['ms_float32']:.0f} ms in float32), {results['page_faults']:,.0f} page faults and "
        f"{results['context_switches']:,.0f} switches of threads. The first step of a new length takes "
        f"{results['ms_new_shape']:.0f} ms. Its products are {results['gflop']:.1f} GFLOP, which at the rate of large "
        f"ones ({products:,.0f} GFLOP/s) would be {1000 * results['gflop'] / products:.0f} ms; the products of one "
        f"position, {BATCH[0]} x 256 by 256 x 1,024, reach {like:,.0f} GFLOP/s. "
        + "Batches of "
        + ", ".join(results["bases_per_second_by_genes"])
        + " genes: "
        + ", ".join(f"{speed / 1000:.1f}" for speed in results["bases_per_second_by_genes"].values())
        + " thousand bases/s.",
    ]
    return "\n".join(lines) + "\n"


def measure_parts(data: Path) -> dict[str, Any]:
    """Return milliseconds of a step, what it goes to, and what could keep it from being as fast as its products."""
    torch.set_num_threads(LOAD.free_cores())
    tokens = torch.randint(4, 8, BATCH)
    seconds_float32 = seconds_of(step_of_lstm(cast=False), tokens)
    one_step = step_of_lstm()
    seconds = seconds_of(one_step, tokens)
    by_genes = {}
    for genes in (BATCH[0], 2 * BATCH[0], 4 * BATCH[0], 8 * BATCH[0]):
        batch = torch.randint(4, 8, (genes, BATCH[1]))
        by_genes[str(genes)] = batch.numel() / seconds_of(one_step, batch)
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(STEPS["step"]):
        one_step(tokens)
    after = resource.getrusage(resource.RUSAGE_SELF)
    switches = (after.ru_nvcsw - before.ru_nvcsw) + (after.ru_nivcsw - before.ru_nivcsw)
    lengths = range(BATCH[1] + 1, BATCH[1] + 6)
    new = statistics.median(
        seconds_of(one_step, torch.randint(4, 8, (BATCH[0], length)), times=1) for length in lengths
    )
    with torch.profiler.profile() as profile:
        for _ in range(3):
            one_step(tokens)
    times_of = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    total = sum(times_of.values())
    largest = sorted(times_of, key=times_of.__getitem__, reverse=True)[:SHOWN]
    shares = {name: times_of[name] / total for name in largest}
    position = torch.randn(BATCH[0], 256, dtype=torch.bfloat16)
    weight = torch.randn(256, 1024, dtype=torch.bfloat16)
    return {
        "threads": torch.get_num_threads(),
        "ms": 1000 * seconds,
        "ms_float32": 1000 * seconds_float32,
        "ms_new_shape": 1000 * new,
        "bases_per_second_by_genes": by_genes,
        "page_faults": (after.ru_minflt - before.ru_minflt) / STEPS["step"],
        "context_switches": switches / STEPS["step"],
        "shares": shares | {"everything else": 1 - sum(shares.values())},
        "gflop": flops_per_base(LSTM | {"embedding_size": 64}, data) * tokens.numel() / 1e9,
        "product_rate": measure_products(data)["bf16"],
        "product_rate_of_a_position": product_rate(position, weight, 200),
    }


def seconds_of(one_step: Callable[[torch.Tensor], None], tokens: torch.Tensor, times: int = STEPS["step"]) -> float:
    """Return the seconds of a step, the median of several but the first two."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        one_step(tokens)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[2:] or seconds)


def product_rate(one: torch.Tensor, other: torch.Tensor, times: int = 1) -> float:
    """Return GFLOP/s of a product, the best of ten rounds of so many."""
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        for _ in range(times):
            one @ other
        if one.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started) / times)
    return 2 * one.shape[0] * one.shape[1] * other.shape[1] / min(seconds) / 1e9


def run_here(job: str, data: Path, environment: dict[str, str] | None = None) -> dict[str, Any]:
    print(job, "...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, str(data), "--job", job]
    environment = os.environ | {"LD_PRELOAD": ""} | (environment or {})
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=environment
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_products(_: Path) -> dict[str, Any]:
    """Return the best rate of products of square matrices in GFLOP/s."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = 8192 if device == "cuda" else 2048
    rates: dict[str, Any] = {"name": torch.cuda.get_device_name() if device == "cuda" else "cpu"}
    rates["threads"] = torch.get_num_threads()
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        one, other = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
        rates[name] = product_rate(one, other)
    return rates


def measure_attention(_: Path) -> dict[str, Any]:
    """Return milliseconds of attention there and back, of a batch of 22 genes of 370 symbols in bf16."""
    from genelm.training.packing import _causal

    def own(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)

    def blocks(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return _causal(query, key, value, query.shape[-1] ** -0.5, 0.0)

    times: dict[str, Any] = {}
    for name, attend in (("pytorch_ms", own), ("blocks_ms", blocks)):
        states = [torch.randn(GENES, 4, 370, 64, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            attend(*states).float().sum().backward()
            seconds.append(time.perf_counter() - started)
        times[name] = 1000 * statistics.median(seconds)
    return times


def measure_trainer(data: Path) -> dict[str, Any]:
    """Train with transformers' Trainer on batches of genes as they come, padded to the longest position."""
    import datasets
    from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    from genelm.tokenization import BOS_ID, EOS_ID, PAD_ID, encode

    genes = load_split(data, "train")["sequence"][: GENES * 20]
    rows = []
    for gene in genes:
        ids = [BOS_ID, *encode(gene).tolist(), EOS_ID][:PADDED]
        filler = PADDED - len(ids)
        rows.append(
            {
                "input_ids": ids + [PAD_ID] * filler,
                "attention_mask": [1] * len(ids) + [0] * filler,
                "labels": ids + [-100] * filler,
            }
        )
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**GPT2, vocab_size=8, use_cache=False))
    moments: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            moments.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        options = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=GENES,
            max_steps=12,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
        )
        Trainer(model=model, args=options, train_dataset=datasets.Dataset.from_list(rows), callbacks=[Clock()]).train()
    bases = sum(map(len, genes)) / len(genes) * GENES
    half = len(moments) // 2
    return {"bases_per_second": bases * (len(moments) - 1 - half) / (moments[-1] - moments[half]), "genes": GENES}


def run_keras(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train the paper's way: Keras, all genes padded to the longest position."""
    print("keras ...", file=sys.stderr, flush=True)
    genes = load_split(arguments.data, "train")["sequence"][: GENES * 20]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "genes.txt").write_text("\n".join(genes))
        script = Path(folder, "keras_lstm.py")
        script.write_text(KERAS)
        command = [arguments.keras, str(script), str(Path(folder, "genes.txt")), str(GENES), str(PADDED)]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "LD_PRELOAD": ""}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"not measured": done.stderr.strip().splitlines()[-1]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


KERAS = """
import json, sys, time
import numpy as np
import keras

genes = open(sys.argv[1]).read().split()
batch, padded = int(sys.argv[2]), int(sys.argv[3])
ids = np.zeros((len(genes), padded + 1), dtype="int32")
for row, gene in enumerate(genes):
    tokens = [2] + ["ACGT".find(letter) + 4 for letter in gene]
    ids[row, : len(tokens)] = tokens[: padded + 1]
model = keras.Sequential([
    keras.layers.Embedding(8, 256),
    keras.layers.LSTM(256, return_sequences=True),
    keras.layers.LSTM(256, return_sequences=True),
    keras.layers.Dense(8),
])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
model.compile("adam", loss=loss)
moments = []
for start in range(0, batch * 7, batch):
    model.train_on_batch(ids[start : start + batch, :-1], ids[start : start + batch, 1:])
    moments.append(time.perf_counter())
bases = sum(map(len, genes)) / len(genes) * batch
print(json.dumps({"bases_per_second": bases * 4 / (moments[-1] - moments[-5]), "genes": batch,
                  "keras": keras.__version__, "backend": keras.backend.backend()}))
"""

PEERS = {
    "device": measure_products,
    "trainer": measure_trainer,
    "attention": measure_attention,
    "step": measure_step,
    "parts of a step": measure_parts,
}

if __name__ == "__main__":
    main()
