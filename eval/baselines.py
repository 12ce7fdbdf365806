"""What a model has to beat on the same genes: uniform bases, Markov models of growing order, the best n-gram model
there is, general compressors."""

import hashlib
import lzma
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from genelm.dataset_scripts import Manifest, familiarity_strata, load_split, read_manifest
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    default_config,
    describe_model,
    fit_head,
    save_model_folder,
)
from genelm.storage import InputError, progress_bar
from genelm.tokenization import count_bases, encode, load_tokenizer

from .evaluate import evaluate_model
from .results import MeasuredDataset, MeasuredModel, Measurement, Results
from .scoring import MAX_POSITIONS
from .tasks import Perplexity, Stratum, Task, gene_strata

ORDERS = (0, 1, 3, 5, 7, 9)
"""Of the Markov models: bases that the next one is predicted from, with one added to every count."""

_COMPRESSORS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "xz": ("xz -9e", lambda text: lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)),
    "zstd": ("zstd -22", lambda text: pa.Codec("zstd", compression_level=22).compress(text, asbytes=True)),
}
"""Name -> what it is, and the function that compresses."""


def baseline_names(split: str, orders: Sequence[int] = ORDERS) -> list[str]:
    """Return the names of the baselines that there are for a split, each of which has a results file of that name."""
    return [*(name for name, _ in _models(split, orders)), *_COMPRESSORS]


def _models(split: str, orders: Sequence[int]) -> list[tuple[str, GeneNGramConfig]]:
    models = [("uniform", _markov(0)), *((f"markov{order}", _markov(order)) for order in orders)]
    return [*models, ("mixture", default_config("mixture"))] if split == "test" else models


def measure_baselines(
    dataset_folder: Path,
    split: str,
    output: Path,
    *,
    tasks: Sequence[str | Task] = (Perplexity.name,),
    pairs: Sequence[Path] = (),
    orders: Sequence[int] = ORDERS,
    seed: int = 0,
    command: str,
    max_positions: int = MAX_POSITIONS,
) -> Iterator[Path]:
    """Measure the baselines on one split of a dataset, write their results files, and yield their paths.

    Args:
        dataset_folder: as `genelm data build` writes it; Markov models and compressors learn from its train split.
        split: `train`, `validation` or `test`.
        output: folder for the files: `uniform`, `markov<order>`, `mixture`, `xz`, `zstd`, each `.json`. The mixture is
            that of `genelm ngram fit`; as it fits weights on the validation split, it is measured on the test split
            alone.
        tasks: what `evaluate_model` takes; compressors are measured on perplexity alone.
        pairs: files or folders for the task "mutations", the paper's.
        orders: of the Markov models.
        seed: of the bootstrap and of made pairs.
        command: the command line, for the record.
        max_positions: of one batch of the scorer, padding included.

    Yields:
        The path of each results file, once it is written.

    Raises:
        InputError: as `evaluate_model`, or there can be no Markov model of an order.
    """
    manifest = read_manifest(dataset_folder)
    training, validation = (_genes(dataset_folder, manifest, name) for name in ("train", "validation"))
    for name, config in _models(split, orders):
        if config.has_index and not validation:
            continue
        path = output / f"{name}.json"
        model = GeneNGramForCausalLM(config)
        model.count(torch.from_numpy(encode(gene)) for gene in (training if name != "uniform" else []))
        if config.has_index:
            fit_head(model, [torch.from_numpy(encode(gene)) for gene in validation])
        with tempfile.TemporaryDirectory() as folder:
            save_model_folder(Path(folder), model, load_tokenizer(), record={})
            measured = MeasuredModel(**describe_model(name, Path(folder), model))
        results = evaluate_model(
            model,
            measured_model=measured,
            dataset_folder=dataset_folder,
            split=split,
            tasks=tasks,
            pairs=pairs,
            seed=seed,
            command=command,
            max_positions=max_positions,
        )
        results.save(path)
        yield path
    if Perplexity.name not in tasks:
        return
    genes = load_split(dataset_folder, split)
    sequences: list[str] = genes["sequence"][:]
    strata = list(
        gene_strata(
            count_bases(sequences),
            familiarity_strata(np.array(genes["familiarity"])),
            list(genes["gene_type"]),
        )
    )
    dataset = MeasuredDataset(name=manifest.name, fingerprint=manifest.fingerprint, split=split)
    for name, (settings, compress) in _COMPRESSORS.items():
        fingerprint = hashlib.sha256(settings.encode()).hexdigest()
        rows = _measure_compressor(name, compress, training, sequences, strata)
        path = output / f"{name}.json"
        Results(
            model=MeasuredModel(name=name, model_type="compressor", parameters=0, fingerprint=fingerprint),
            dataset=dataset,
            measurements=rows,
            seed=seed,
            command=command,
            notes=[],
        ).save(path)
        yield path


def _genes(folder: Path, manifest: Manifest, split: str) -> list[str]:
    genes: list[str] = load_split(folder, split)["sequence"][:] if split in manifest.splits else []
    return genes


def _markov(order: int) -> GeneNGramConfig:
    try:
        return GeneNGramConfig(order=order + 1, smoothing="laplace")
    except ValueError as error:
        raise InputError(f"This Markov model cannot be: {error}.") from error


def _measure_compressor(
    name: str,
    compress: Callable[[bytes], bytes],
    training: Sequence[str],
    sequences: Sequence[str],
    strata: Sequence[Stratum],
) -> list[Measurement]:
    """Return the bits that the genes of each stratum add to the compressed training genes, one gene a line."""
    task, before = Perplexity(), "\n".join([*training, ""])
    alone = len(compress(before.encode()))
    measurements = []
    for stratum in progress_bar(strata, desc=name, unit="strata", leave=False):
        genes = [sequences[i] for i in np.flatnonzero(stratum.members).tolist()]
        together = len(compress((before + "\n".join(genes)).encode()))
        bits = 8 * (together - alone) / int(stratum.n_bases.sum())
        for metric, units, value in (("bits_per_base", "bits/base", bits), ("perplexity", "", 2**bits)):
            measurements.append(
                task.measurement(
                    metric,
                    value,
                    units=units,
                    group=stratum.group,
                    stratum=stratum.name,
                    n_genes=len(genes),
                    n_bases=int(stratum.n_bases.sum()),
                )
            )
    return measurements
