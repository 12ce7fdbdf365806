"""Load model folders in the environments that people have: python tests/compatibility/lanes.py [LANE ...]

Each lane is an environment of its own beside the main one, in `.compat`, which it shares PyTorch with where it can, so
that a lane takes a minute or two. There the folders of every family, made by today's code, are loaded from the disk
and by name from a local stand-in of the Hub, with their own code; and once more with genelm, as are the folders kept
from every format so far. Logits must be equal to 1e-5 and texts letter by letter.

All lanes together write docs/compatibility.json and the table of docs/compatibility.md. Exit status 1 says that
something does not hold.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from make_folders import FAMILIES, make_folders

from genelm.eval import update_table
from genelm.storage import sha256_of, write_json

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
from hub_stand_in import Commit, HubStandIn, Repository  # noqa: E402

ENVIRONMENTS = ROOT / ".compat"
KEPT = HERE / "kept"
RESULTS, DOCUMENT = ROOT / "docs" / "compatibility.json", ROOT / "docs" / "compatibility.md"

COLUMNS = {"GPT-2": ("gpt2",), "gene_rnn": ("lstm", "gru"), "gene_ngram": ("laplace", "interpolated", "mixture")}
"""Which families stand in which column of the table."""

OTHERS = ("numpy", "safetensors", "psutil", "lazy_loader", "msgspec", "pyarrow")
"""What a folder needs besides transformers and PyTorch, and what genelm does to be imported."""


@dataclass(frozen=True)
class Lane:
    """An environment.

    Attributes:
        requirements: what pip installs.
        python: the interpreter.
        has_torch: whether `requirements` have a PyTorch; otherwise that of the main environment is shared.
    """

    requirements: tuple[str, ...]
    python: str = sys.executable
    has_torch: bool = False


def lower_bounds() -> tuple[str, ...]:
    """Return the lowest release of each package that pyproject.toml allows, for pip."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(one.replace(">=", "==") for one in project["dependencies"])


def pinned(*names: str) -> tuple[str, ...]:
    """Return the releases that constraints.txt names, of some packages."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line.partition("==")[0] in names)


def lanes() -> dict[str, Lane]:
    """Return all lanes by name."""
    one_release = {
        name: Lane((f"transformers=={release}", "numba", *OTHERS))
        for name, release in (
            ("4.57", "4.57.6"),
            ("5.0", "5.0.0"),
            ("5.3", "5.3.0"),
            ("5.4", "5.4.0"),
            ("5.9", "5.9.0"),
            ("5.10", "5.10.4"),
        )
    }
    ours = pinned("transformers", "tokenizers", "huggingface_hub", "numba", *OTHERS)
    return {
        "lowest": Lane(lower_bounds(), has_torch=True),
        **one_release,
        "pinned": Lane(ours),
        "without-numba": Lane(tuple(one for one in ours if not one.startswith("numba"))),
        "newest": Lane(("transformers", "tokenizers", "huggingface_hub", "numba", *OTHERS)),
        "python-3.12": Lane((*ours, *pinned("torch")), "python3.12", has_torch=True),
        "python-3.13": Lane((*ours, *pinned("torch")), "python3.13", has_torch=True),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lanes", nargs="*", metavar="LANE", help=f"{', '.join(lanes())}; all by default")
    parser.add_argument(
        "--if-changed",
        action="store_true",
        help="the newest lane, and the others only where the code that travels is not what was measured",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.lanes) - lanes().keys():
        parser.error(f"there is no lane {', '.join(sorted(unknown))}; choose from {', '.join(lanes())}")
    wanted = arguments.lanes or list(lanes())
    if arguments.if_changed and RESULTS.is_file() and json.loads(RESULTS.read_text())["code"] == code_fingerprint():
        wanted = ["newest"]
    results: dict[str, Any] = {"code": code_fingerprint(), "lanes": {}}
    with tempfile.TemporaryDirectory() as temporary, HubStandIn() as hub:
        folders = Path(temporary, "models")
        make_folders(folders)
        for name in FAMILIES:
            files = {file.name: file.read_bytes() for file in (folders / name).iterdir()}
            hub.repositories[f"tester/{name}"] = Repository(private=False, commits=[Commit("a model", "", files)])
        for name in wanted:
            lane = lanes()[name]
            if not runs(lane.python):
                print(f"{name}: there is no {lane.python} here, so it is not measured.", flush=True)
                continue
            results["lanes"][name] = run_lane(name, lane, folders, hub.url, Path(temporary))
            print(f"{name}: {said(results['lanes'][name])}", flush=True)
    if set(wanted) == lanes().keys():
        write_json(RESULTS, results)
        update_table(DOCUMENT, table(results), name="compatibility")
    if any(problems(answer) for answer in results["lanes"].values()):
        sys.exit(1)


def code_fingerprint() -> str:
    """Return the SHA-256 of all that decides in which environments a folder loads."""
    travels = [*(ROOT / "modeling").glob("*.py"), *(ROOT / "tokenization").glob("*.*")]
    return sha256_of([ROOT / "pyproject.toml", ROOT / "constraints.txt", *sorted(travels)])


def runs(python: str) -> bool:
    """Return whether there is such a Python; managers of versions have programs of its name that only say so."""
    try:
        return subprocess.run([python, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def run_lane(name: str, lane: Lane, folders: Path, hub: str, temporary: Path) -> dict[str, Any]:
    """Make an environment, load all models there in every way, and return what each way said."""
    python = make_environment(ENVIRONMENTS / name, lane)
    must = {family: str(folders / f"{family}.json") for family in FAMILIES}
    kept = {
        f"{one.parent.name}/{one.name}": {"place": str(one), "expected": f"{one}.json"}
        for one in sorted(KEPT.glob("*/*"))
        if one.is_dir()
    }
    on_disk = {family: {"place": str(folders / family), "expected": must[family]} for family in FAMILIES}
    on_hub = {family: {"place": f"tester/{family}", "expected": must[family]} for family in FAMILIES}
    requests = {
        "folder": {"models": on_disk, "with_genelm": False, "kept": False, "timed": str(folders / "mixture")},
        "hub": {"models": on_hub, "with_genelm": False, "kept": False, "revision": "main"},
        "genelm": {"models": on_disk, "with_genelm": True, "kept": False},
        "kept": {"models": kept, "with_genelm": True, "kept": True},
    }
    answers: dict[str, Any] = {}
    for way, request in requests.items():
        answers[way] = load(python, request, hub if way == "hub" else None, temporary)
    about = {name: answers["folder"].get(name, {}) for name in ("packages", "mixture")}
    return {**about, "ways": {way: answer["models"] for way, answer in answers.items()}}


def make_environment(folder: Path, lane: Lane) -> Path:
    """Make the environment of a lane, or bring it up to date, and return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([lane.python, "-m", "venv", str(folder)], check=True)
        if not lane.has_torch:
            share_torch(next((folder / "lib").glob("python*")) / "site-packages")
    install = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", *lane.requirements]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return python


def share_torch(site_packages: Path) -> None:
    """Link the PyTorch of the main environment, a gigabyte that need not be there twice."""
    torch = distribution("torch")
    for part in {file.parts[0] for file in torch.files or () if file.parts[0] != ".."}:
        (site_packages / part).symlink_to(Path(str(torch.locate_file(part))).resolve())
    # What it needs is small, and not always that of the main environment.
    subprocess.run(
        [str(site_packages.parent.parent.parent / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        + [one.partition(";")[0] for one in torch.requires or () if "extra ==" not in one and "platform" not in one],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def load(python: Path, request: dict[str, Any], hub: str | None, temporary: Path) -> dict[str, Any]:
    """Have the models of a request loaded by some Python."""
    with tempfile.TemporaryDirectory(dir=temporary) as home:
        file = Path(home, "request.json")
        write_json(file, request)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HF_"))},
            "HF_HOME": home,
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
            **({"HF_ENDPOINT": hub} if hub else {"HF_HUB_OFFLINE": "1"}),
            **({"PYTHONPATH": str(ROOT)} if request["with_genelm"] else {}),
        }
        command = [str(python), str(HERE / "load_folders.py"), str(file)]
        done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True)
    if done.returncode:
        failure = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}"
        return {"models": {name: {"problems": [failure]} for name in request["models"]}}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def problems(answer: dict[str, Any], families: Iterable[str] = FAMILIES) -> list[str]:
    """Return what is wrong in a lane with some families."""
    return [
        f"{way} {name}: {problem}"
        for way, models in answer["ways"].items()
        for name, model in models.items()
        if Path(name).name in families
        for problem in model["problems"]
    ]


def said(answer: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {release}" for name, release in answer["packages"].items())
    return f"{packages}: {'; '.join(problems(answer)) or 'all as it must be'}"


def table(results: dict[str, Any]) -> str:
    """Return the Markdown table of docs/compatibility.md."""
    shown = ("transformers", "torch", "python", "numba")
    lines = [
        f"| environment | {' | '.join(shown)} | {' | '.join(COLUMNS)} |",
        f"| --- | {' | '.join('---' for _ in (*shown, *COLUMNS))} |",
    ]
    for name, answer in results["lanes"].items():
        releases = [answer["packages"].get(one, "–") for one in shown]
        cells = ["; ".join(problems(answer, families)) or "yes" for families in COLUMNS.values()]
        lines.append(f"| {' | '.join([name, *releases, *cells])} |")
    slow, fast = (results["lanes"][name]["mixture"] for name in ("without-numba", "pinned"))
    lines += [
        "",
        f"Without numba the mixture reads {slow['bases_per_second']:,.0f} bases a second, with it "
        f"{fast['bases_per_second']:,.0f}; it writes a base in {slow['ms_per_base']:.1f} ms, with numba in "
        f"{fast['ms_per_base']:.1f} (a tiny one, one thread).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
