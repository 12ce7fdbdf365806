"""Load model folders in the environment at hand, and compare what they say and write with what they must.

    python tests/compatibility/load_folders.py REQUEST.json

It runs in environments that have transformers and PyTorch, with genelm or without, so it imports nothing else. The
request has models by name (a folder or a repository, and the file with what it must say), whether genelm is to be
imported, and whether the folders are of an older format; the answer, one JSON object on the last line, says of each
what failed.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

WORST = 1e-5
"""Most that a logit may be off: float32 sums differ by 3e-6 between two kinds of processor."""

MISLEADING = ("to instantiate a model of type", "A new version of the following files")
"""What transformers says of a configuration that it takes for another one, and of code that nobody pinned."""


class Listener(logging.Handler):
    """Keeps the warnings that a user would see."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def problems(
    model: str, wanted: dict[str, Any], is_ours: bool, is_kept: bool, revision: str | None = None
) -> list[str]:
    """Return what is wrong with a model, in a few words each; none where all is as it must be."""
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, pipeline, set_seed

    trusted: dict[str, Any] = {} if is_ours else {"trust_remote_code": True}
    if revision is not None:
        trusted["revision"] = revision
    if is_kept:  # the tokenizer of an older format may have a name that this transformers does not know
        from genelm.modeling import load_model_folder

        network, tokenizer = load_model_folder(Path(model))
        trusted = {"tokenizer": tokenizer}
    else:
        tokenizer = AutoTokenizer.from_pretrained(model, **trusted)
        network = AutoModelForCausalLM.from_pretrained(model, **trusted)
    inputs = tokenizer(wanted["prompt"], return_tensors="pt")
    limits = {"max_new_tokens": wanted["new_tokens"], "suppress_tokens": wanted["suppress_tokens"]}
    found = []
    with torch.no_grad():
        logits = network(**inputs).logits[0]
    must = torch.tensor([[float(one) for one in place] for place in wanted["logits"]])
    if not torch.equal(logits.isinf(), must.isinf()):
        found.append("impossible tokens differ")
    off = float((logits - must)[~must.isinf()].abs().max())
    if not off <= WORST:
        found.append(f"logits off by {off:.2g}")
    for way, samples in (("greedy", False), ("sampled", True)):
        set_seed(wanted["seed"])
        options = {"do_sample": samples, "top_k": 0, "temperature": 1.0, **limits}
        if network.generate(**inputs, **options)[0].tolist() != wanted[way]:
            found.append(f"{way} text differs")
    letters = tokenizer.decode(wanted["greedy"][inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    writer = pipeline("text-generation", model=model, **trusted)
    text = writer(wanted["prompt"], do_sample=False, **limits)[0]["generated_text"]
    if text != wanted["prompt"] + letters:
        found.append("pipeline writes another text")
    body = AutoModel.from_pretrained(model, **({} if is_kept else trusted))
    with torch.no_grad():
        states = body(**inputs)[0]
    features = pipeline("feature-extraction", model=model, **trusted)(wanted["prompt"])
    if not torch.allclose(torch.tensor(features), states, atol=WORST):
        found.append("features of the pipeline differ")
    return found


def speeds(model: str) -> dict[str, float]:
    """Return how fast a model reads, in bases a second, and writes, in milliseconds a base; on one thread."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    network = AutoModelForCausalLM.from_pretrained(model, trust_remote_code=True)
    torch.manual_seed(0)
    genes = torch.randint(4, 8, (8, 370))
    with torch.no_grad():
        network(genes[:, :20])  # what is compiled, is now
        started = time.perf_counter()
        network(genes)
        read = time.perf_counter()
        network.generate(genes[:1, :50], max_new_tokens=20, min_new_tokens=20)
    written = time.perf_counter()
    return {"bases_per_second": genes.numel() / (read - started), "ms_per_base": 1000 * (written - read) / 20}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    from importlib.metadata import PackageNotFoundError, version

    if request["with_genelm"]:
        import genelm.modeling  # noqa: F401
    else:
        sys.modules["genelm"] = None  # type: ignore[assignment]
    listener = Listener()
    logging.getLogger("transformers").addHandler(listener)
    answer: dict[str, Any] = {"packages": {}, "models": {}}
    for package in ("python", "transformers", "torch", "tokenizers", "huggingface_hub", "numpy", "numba"):
        try:
            found = sys.version.split()[0] if package == "python" else version(package)
        except PackageNotFoundError:
            continue
        answer["packages"][package] = found
    for name, model in request["models"].items():
        with open(model["expected"], encoding="utf-8") as file:
            wanted = json.load(file)
        listener.said.clear()
        try:
            wrong = problems(model["place"], wanted, request["with_genelm"], request["kept"], request.get("revision"))
        except Exception as error:
            wrong = [f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"]
        wrong += [
            f"warns: {said[:90]}" for said in sorted(set(listener.said)) if any(one in said for one in MISLEADING)
        ]
        answer["models"][name] = {"problems": wrong}
    if "timed" in request:
        answer["mixture"] = speeds(request["timed"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
