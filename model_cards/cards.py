"""Model cards and dataset cards, rendered from the files a run left behind: no number in them is typed.

The words are in `templates/`; this module gathers the facts from `manifest.json`, `config.json`, the weights,
`training_record.json` and results files, and writes the YAML header that the Hub reads.
"""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard, DatasetCardData, EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from safetensors import SafetensorError, safe_open

from genelm.dataset_scripts import SPLITS, WORD_LENGTH, Manifest
from genelm.eval import Results, reports_of
from genelm.modeling import CURVE_FILE, RECORD_FILE, is_model_file
from genelm.storage import InputError, sha256_of, slugify

CODE_MODEL_TYPES = ("gene_ngram", "gene_rnn")
"""Model types that `transformers` does not know: their folders carry the code, and users must trust it."""

_OF_OTHER_SMOOTHINGS = {
    "mle": {"pseudocount", "both_strands", "own_gene", "index_size", "format_version"},
    "laplace": {"both_strands", "own_gene", "index_size", "format_version"},
    "interpolated": {"pseudocount", "paper", "own_gene"},
    "mixture": {"pseudocount", "paper"},
}
"""Settings that say nothing of an n-gram model with this smoothing."""

# What a config.json holds besides the shape of the model.
_BOOKKEEPING = re.compile(
    r"_token_id$|^summary_|^(model_type|dtype|transformers_version|use_cache|is_encoder_decoder)$"
)

OLDEST_TRANSFORMERS, NEWEST_TRANSFORMERS = "4.56.2", "5.24.0"
"""Releases with which models are loaded by `make compat`: the lower bound of pyproject.toml, and that of today."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
_TEMPLATES.filters["count"] = lambda number: f"{number:,}".removesuffix(".0")
_TEMPLATES.filters["share"] = lambda part, whole: f"{part / whole:.1%}" if whole else ""
_TEMPLATES.filters["yaml"] = lambda value: yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()


def render_dataset_card(manifest: Manifest, leakage: dict[str, Any]) -> str:
    """Return the dataset card, YAML header included, of a built dataset.

    Args:
        manifest: of the dataset.
        leakage: the content of its `leakage.json`.

    Returns:
        The text of the dataset's `README.md`.
    """
    splits = {name: manifest.splits[name] for name in SPLITS if name in manifest.splits}
    dropped = {name: reasons for name, reasons in manifest.dropped.items() if any(reasons.values())}
    simulated = manifest.source == "simulated"
    header = DatasetCardData(
        license="other",
        pretty_name=manifest.name,
        tags=["dna", "genomics", "biology", "synthetic" if simulated else "genes"],
        task_categories=["text-generation"],
        size_categories=[_size_category(sum(split.genes for split in splits.values()))],
        configs=[
            {
                "config_name": "default",
                # By the header `load_dataset` tells datasets of one name apart, and gives what it has cached.
                "description": f"fingerprint {manifest.fingerprint}",
                "data_files": [
                    {"split": name, "path": [file.file for file in split.files]} for name, split in splits.items()
                ],
            }
        ],
    )
    body = _TEMPLATES.get_template("dataset_card.md").render(
        manifest=manifest,
        leakage=leakage,
        simulated=simulated,
        splits=splits,
        gene_types=sorted({name for split in splits.values() for name in split.gene_types}),
        sources=sorted({name for split in splits.values() for name in split.sources}),
        dropped=dropped,
        reasons=sorted({reason for reasons in dropped.values() for reason, number in reasons.items() if number}),
    )
    return str(DatasetCard(f"---\n{header.to_yaml()}\n---\n\n{body}"))


def render_model_card(
    folder: Path, results: Sequence[Results], repo_id: str | None = None, license_name: str | None = None
) -> str:
    """Return the model card, YAML header and `model-index` included, of a model folder.

    Args:
        folder: a model folder: `config.json`, `*.safetensors`, and the training record where there is one.
        results: the results files of this model as `genelm.eval.read_results` returns them, in the order of the card.
        repo_id: `USER/NAME` on the Hub; without it the usage snippet names `folder`.
        license_name: of the weights, as the Hub names it; without it the card says that none is stated.

    Returns:
        The text of the model's `README.md`.

    Raises:
        InputError: the configuration, the weights or the training record cannot be read.
    """
    config = read_json(folder / "config.json")
    if "model_type" not in config:
        raise InputError(f"{folder / 'config.json'} names no model_type; save the model again with `save_pretrained`.")
    record = read_json(folder / RECORD_FILE) if (folder / RECORD_FILE).exists() else {}
    name = repo_id.split("/")[1] if repo_id else folder.resolve().name
    header = ModelCardData(
        license=license_name,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["dna", "genomics", "biology", "genelm", config["model_type"]],
        model_name=name,
        eval_results=[entry for result in results for entry in _eval_results(result)] or None,
    )
    body = _TEMPLATES.get_template("model_card.md").render(
        name=name,
        license_name=license_name,
        location=repo_id or folder.as_posix(),
        revision=version_tag(folder) if repo_id else None,
        config=config,
        has_curve=(folder / CURVE_FILE).exists(),
        needs_code=config["model_type"] in CODE_MODEL_TYPES,
        shape={
            key: value
            for key, value in config.items()
            if isinstance(value, str | int | float)
            and not _BOOKKEEPING.search(key)
            and key not in _OF_OTHER_SMOOTHINGS.get(config.get("smoothing", ""), ())
        },
        stored_numbers=_stored_numbers(folder),
        oldest_transformers=OLDEST_TRANSFORMERS,
        newest_transformers=NEWEST_TRANSFORMERS,
        max_tokens=config.get("max_position_embeddings") or config.get("n_positions"),
        record=record,
        not_recorded=[key for key in ("dataset", "command", "config", "seed", "packages") if key not in record],
        results=[(result, _tables(result)) for result in results],
        word_length=WORD_LENGTH,
    )
    return str(ModelCard(f"---\n{header.to_yaml()}\n---\n\n{body}"))


def version_tag(folder: Path) -> str:
    """Return the name of what a model folder holds: 12 hexadecimal digits, others as soon as one of its files changes.

    A push gives it to its commit, and the card loads the model by it: what a stranger gets is then what the card
    describes, and transformers needs not say of each file of code that it is new.
    """
    return sha256_of(sorted(path for path in folder.iterdir() if path.is_file() and is_model_file(path.name)))[:12]


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        InputError: the file is missing, or does not hold a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; give a folder written by `genelm ngram fit` or train.py.") from None
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}); write it again.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a JSON {type(content).__name__}, not an object; write it again.")
    return content


def _size_category(rows: int) -> str:
    """Return the Hub's name for a number of rows."""
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
    return next((name for power, name in enumerate(names, start=3) if rows < 10**power), "n>1B")


def _stored_numbers(folder: Path) -> int:
    """Count the elements of all tensors in the weights, from their headers alone; tied weights are stored once."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as tensors:
                total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path} is not a whole safetensors file ({error}); save the model again.") from error
    return total


def _tables(results: Results) -> list[dict[str, Any]]:
    """Return title, columns and rows of a table for each task of some results."""
    tables = []
    for task in reports_of([results]):
        columns, *rows = task.measurement_table(results.of(task.name))
        tables.append({"title": task.title, "columns": columns, "rows": rows})
    return tables


def _eval_results(results: Results) -> list[EvalResult]:
    """Return the entries of `model-index`, which holds finite numbers only."""
    dataset = results.dataset
    return [
        EvalResult(
            task_type="text-generation",
            # The Hub wants the form of a repository name here.
            dataset_type=slugify(dataset.name),
            dataset_name=dataset.name,
            dataset_split=dataset.split,
            dataset_revision=dataset.fingerprint,
            metric_type=row.metric,
            metric_name=f"{task.metric_name(row.metric)} ({task.stratum_name(row)})",
            metric_value=row.value,
        )
        for task in reports_of([results])
        for row in results.of(task.name)
        if row.group in task.headline_groups and math.isfinite(row.value)
    ]
