"""How fast, large and good the n-gram models are: python benchmarks/ngram.py data/human_genes --larger more.fa.gz

On the same genes, by turns in one run, each in a process of its own whose peak memory is that of the job (of KenLM,
that of its program):

- order 8 with Laplace smoothing, beside NLTK with the paper's calls (`pip install nltk`), and beside the modified
  Kneser-Ney smoothing of KenLM (`MAX_ORDER=8 pip install kenlm`, and its program lmplz on the PATH, built with
  `cmake -DKENLM_MAX_ORDER=8`);
- `interpolated` and `mixture`: counting, fitting weights, saving, loading, scoring; beside xz -9e;
- counting and scoring as the training genes grow to 2, 10 and 50 million bases of `--larger`.

Speeds are bases a second, times seconds, each the best of its turns, since a machine is not always as fast; what grows
has one turn. Bits per base are on the test split. Results go to benchmarks/results/ngram.json and into the table of
docs/ngram.md.
"""

import argparse
import json
import lzma
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from genelm.dataset_scripts import load_split, read_fasta
from genelm.eval import score_genes, update_table
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    fit_head,
    load_model_folder,
    save_model_folder,
)
from genelm.storage import prepare_environment, write_json
from genelm.tokenization import encode, load_tokenizer

ORDER = 8
REPEATS = 9
TURNS = 3
SIZES = (2_000_000, 10_000_000, 50_000_000)
RESULTS = Path(__file__).parent / "results" / "ngram.json"
DOCUMENT = Path(__file__).parent.parent / "docs" / "ngram.md"
ROWS = {
    "nltk": "NLTK, Laplace 8",
    "laplace": "`laplace`, order 8",
    "kenlm": "KenLM, modified Kneser-Ney of order 8",
    "index:interpolated": "`interpolated`",
    "index:frozen": "`mixture --no-own-gene`",
    "index:mixture": "`mixture`",
}
"""Job -> its name in the table."""
PAIRS = (
    ("laplace", "nltk"),
    ("laplace", "kenlm"),
    ("index:interpolated", "kenlm"),
    ("index:mixture", "kenlm"),
    ("index:mixture", "xz"),
)
COMPARED = ("fit_speed", "score_speed", "nats", "bits_per_base", "peak_memory_mb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="dataset, as `genelm data build` writes it")
    parser.add_argument("--larger", type=Path, nargs="*", default=[], help="FASTA files with more genes to count")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job is not None:
        name, _, argument = arguments.job.partition(":")
        result = JOBS[name](arguments, argument)
        # KenLM counts in a program of its own.
        whose = resource.RUSAGE_CHILDREN if name == "kenlm" else resource.RUSAGE_SELF
        result["peak_memory_mb"] = round(resource.getrusage(whose).ru_maxrss / 1024)
        print(json.dumps(result))
        return
    prepare_environment()  # for the jobs, each a process of its own
    jobs = ("laplace", "nltk", "kenlm", "index:interpolated", "index:frozen", "index:mixture", "xz")
    turns = [{job: run(job) for job in jobs} for _ in range(TURNS)]
    results = {job: best_of([turn[job] for turn in turns]) for job in jobs}
    results |= {job: run(job) for job in (f"growth:{size}" for size in SIZES if arguments.larger)}
    for ours, theirs in PAIRS:
        both = [name for name in COMPARED if name in results[ours] and name in results[theirs]]
        if "not measured" not in results[theirs]:
            results[f"{ours} beside {theirs}"] = {name: results[ours][name] / results[theirs][name] for name in both}
    write_json(RESULTS, results)
    print(json.dumps(results, indent=2))
    update_table(DOCUMENT, speed_table(results), name="speed")


def speed_table(results: dict[str, Any]) -> str:
    """Return the Markdown table of docs/ngram.md, and a sentence on growth."""
    lines = [
        "| model | fits, bases/s | scores, bases/s | nats of all test genes, ends included |",
        "| --- | ---: | ---: | ---: |",
    ]
    for job, name in ROWS.items():
        if "nats" in results[job]:
            fit, score, nats = (results[job][figure] for figure in ("fit_speed", "score_speed", "nats"))
            lines.append(f"| {name} | {fit:,.0f} | {score:,.0f} | {nats:,.0f} |")
    growth = [result for job, result in results.items() if job.startswith("growth:")]
    counted = "; ".join(
        f"{result['bases'] / 1e6:.0f} million bases in {result['count_seconds']:.1f} s and "
        f"{result['peak_memory_mb'] / 1000:.1f} GB, and then scores {result['score_speed']:,.0f} bases/s"
        for result in growth
    )
    if growth:
        lines += ["", f"The mixture counts {counted}, both strands and the rest of the process included."]
    return "\n".join(lines) + "\n"


def run(job: str) -> dict[str, Any]:
    print(job, "...", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, *sys.argv, "--job", job], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def best_of(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the greatest speed, the shortest times and the most memory of the turns; the rest is the same in all."""
    best = {}
    for name, value in turns[0].items():
        choose = max if name.endswith(("speed", "memory_mb")) else min if name.endswith("seconds") else None
        best[name] = value if choose is None else choose(turn[name] for turn in turns)
    return best


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def sequences(data: Path, split: str) -> list[str]:
    genes: list[str] = load_split(data, split)["sequence"][:]
    return genes


def tokens(genes: list[str]) -> list[torch.Tensor]:
    return [torch.from_numpy(encode(gene)) for gene in genes]


def measure_laplace(arguments: argparse.Namespace, _: str) -> dict[str, Any]:
    training, test = sequences(arguments.data, "train"), sequences(arguments.data, "test")
    fits, scores = [], []
    for _ in range(REPEATS):  # the first also starts torch
        model = GeneNGramForCausalLM(GeneNGramConfig(order=ORDER, paper=True))
        fits.append(timed(lambda model=model: model.count(tokens(training)))[1])
        nats, seconds = timed(lambda model=model: float(model.score(tokens(test)).sum()))
        scores.append(seconds)
    return {
        "fit_speed": sum(map(len, training)) / statistics.median(fits),
        "score_speed": sum(map(len, test)) / statistics.median(scores),
        "nats": nats,
    }


def measure_nltk(arguments: argparse.Namespace, _: str) -> dict[str, Any]:
    try:
        from nltk.lm import Laplace
        from nltk.lm.preprocessing import pad_both_ends
        from nltk.util import ngrams
    except ImportError:
        return {"not measured": "NLTK is not installed"}
    training, test = sequences(arguments.data, "train"), sequences(arguments.data, "test")
    model = Laplace(ORDER)

    def fit() -> None:
        padded = [list(pad_both_ends(gene, n=ORDER)) for gene in training]
        model.fit([ngrams(gene, ORDER) for gene in padded], (letter for gene in padded for letter in gene))

    def score() -> float:
        nats = 0.0
        for gene in test:
            for gram in list(ngrams(pad_both_ends(gene, n=ORDER), ORDER))[: len(gene) + 1]:
                nats -= math.log(model.score(gram[-1], gram[:-1]))
        return nats

    _, fit_seconds = timed(fit)
    nats, score_seconds = timed(score)
    return {
        "fit_speed": sum(map(len, training)) / fit_seconds,
        "score_speed": sum(map(len, test)) / score_seconds,
        "nats": nats,
    }


def measure_kenlm(arguments: argparse.Namespace, _: str) -> dict[str, Any]:
    try:
        import kenlm
    except ImportError:
        return {"not measured": "KenLM's module is not installed"}
    if (program := shutil.which("lmplz")) is None:
        return {"not measured": "KenLM's lmplz, which counts, is not on the PATH"}
    training, test = (list(map(" ".join, sequences(arguments.data, split))) for split in ("train", "test"))
    with tempfile.TemporaryDirectory() as folder:
        text, arpa, binary = (str(Path(folder, name)) for name in ("genes.txt", "genes.arpa", "genes.bin"))
        Path(text).write_text("\n".join(training) + "\n")

        def fit() -> subprocess.CompletedProcess[str]:
            # So few symbols have no counts of counts for the discounts of the lowest orders.
            command = [program, "-o", str(ORDER), "-S", "1G", "-T", folder, "--discount_fallback"]
            return subprocess.run([*command, "--text", text, "--arpa", arpa], capture_output=True, text=True)

        done, fit_seconds = timed(fit)
        if done.returncode:
            return {"not measured": done.stderr.strip().splitlines()[-1]}
        builder = Path(program).with_name("build_binary")
        subprocess.run([builder, "trie", arpa, binary], capture_output=True, check=True)
        model, load_seconds = timed(lambda: kenlm.Model(binary))
        size = Path(binary).stat().st_size
    tens, score_seconds = timed(lambda: sum(map(model.score, test)))
    n_training, n_test = (sum(map(len, sequences(arguments.data, split))) for split in ("train", "test"))
    return {
        "fit_speed": n_training / fit_seconds,
        "score_speed": n_test / score_seconds,
        "load_seconds": load_seconds,
        "bytes_per_training_base": size / n_training,
        "nats": -tens * math.log(10),
    }


def measure_index(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    training, validation, test = (sequences(arguments.data, split) for split in ("train", "validation", "test"))
    smoothing = "interpolated" if name == "interpolated" else "mixture"
    config = GeneNGramConfig(order=24, smoothing=smoothing, both_strands=True, own_gene=name != "frozen")
    model = GeneNGramForCausalLM(config)
    _, count = timed(lambda: model.count(tokens(training)))
    _, weights = timed(lambda: fit_head(model, tokens(validation), silent=True))
    with tempfile.TemporaryDirectory() as folder:
        save_model_folder(Path(folder), model, load_tokenizer(), record={})
        size = sum(file.stat().st_size for file in Path(folder).glob("*.safetensors"))
        (loaded, _), load = timed(lambda: load_model_folder(Path(folder)))
        scores, first = timed(lambda: score_genes(loaded, test))
    _, again = timed(lambda: score_genes(loaded, test))
    return {
        "count_seconds": count,
        "fit_weights_seconds": weights,
        "fit_speed": sum(map(len, training)) / (count + weights),
        "load_seconds": load,
        "score_speed": sum(map(len, test)) / min(first, again),
        "nats": scores.base_nats.sum() + scores.eos_nats.sum(),
        "bytes_per_training_base": size / sum(map(len, training)),
        "bits_per_base": scores.base_nats.sum() / scores.n_bases.sum() / math.log(2),
    }


def measure_xz(arguments: argparse.Namespace, _: str) -> dict[str, Any]:
    training, test = ("\n".join(sequences(arguments.data, split)).encode() for split in ("train", "test"))

    def size(text: bytes) -> int:
        return len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))

    alone, _ = timed(lambda: size(training))
    together, seconds = timed(lambda: size(training + b"\n" + test))
    return {
        "speed": (len(training) + len(test)) / seconds,
        "bits_per_base": 8 * (together - alone) / sum(map(len, sequences(arguments.data, "test"))),
    }


def measure_growth(arguments: argparse.Namespace, size: str) -> dict[str, Any]:
    def genes() -> Iterator[torch.Tensor]:
        left = int(size)
        for path in arguments.larger:
            for gene, _ in read_fasta(path):
                if left <= 0:
                    return
                yield torch.from_numpy(encode(gene["sequence"][:left]))
                left -= len(gene["sequence"])

    model = GeneNGramForCausalLM(GeneNGramConfig(order=24, smoothing="mixture", both_strands=True))
    _, count = timed(lambda: model.count(genes()))
    bases = sum(map(len, model.index.genes()))
    validation = sequences(arguments.data, "validation")
    _, weights = timed(lambda: fit_head(model, tokens(validation), silent=True))
    with tempfile.TemporaryDirectory() as folder:
        save_model_folder(Path(folder), model, load_tokenizer(), record={})
        (loaded, _), load = timed(lambda: load_model_folder(Path(folder)))
        _, score = timed(lambda: score_genes(loaded, validation))
    return {
        "bases": bases,
        "count_seconds": count,
        "count_speed": bases / count,
        "fit_weights_seconds": weights,
        "load_seconds": load,
        "score_speed": sum(map(len, validation)) / score,
    }


JOBS = {
    "laplace": measure_laplace,
    "nltk": measure_nltk,
    "kenlm": measure_kenlm,
    "index": measure_index,
    "xz": measure_xz,
    "growth": measure_growth,
}

if __name__ == "__main__":
    main()
