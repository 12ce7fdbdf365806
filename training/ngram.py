"""Fit an n-gram model to a dataset folder, and count more genes into a fitted one."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset

from genelm.dataset_scripts import dataset_facts, load_split, read_manifest
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    default_config,
    fit_head,
    load_model_folder,
    new_record,
    read_record,
)
from genelm.modeling.ngram_index import SYMBOL_OF_TOKEN, reverse_complement
from genelm.storage import InputError, progress_bar
from genelm.tokenization import encode

from .training_genes import subsample_genes

log = logging.getLogger(__name__)

SEED = 0
"""Of the weights' fit; nothing is chosen by it."""


def fit_ngram(
    data: Path, options: dict[str, Any], *, fraction: float = 1.0, seed: int = SEED
) -> tuple[GeneNGramForCausalLM, dict[str, Any]]:
    """Count the n-grams of the train split, and fit weights on the validation split where the smoothing has them.

    Args:
        data: folder that `genelm data build` wrote.
        options: of `GeneNGramConfig`, `smoothing` among them; None for what the smoothing does by itself.
        fraction: share of the training genes to count, as of `subsample_genes`.
        seed: draws them.

    Returns:
        The model, and the record of how it came about.

    Raises:
        InputError: there can be no such model, or the dataset lacks a split that it needs.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        config = default_config(**given)
    except ValueError as error:
        raise InputError(f"This n-gram model cannot be: {error}.") from error
    manifest = read_manifest(data)
    weighing = _genes_to_fit_weights(config, data)
    model = GeneNGramForCausalLM(config)
    genes = load_split(data, "train")
    counted = _count(model, data, genes.select(subsample_genes(len(genes), fraction, seed)))
    usual = {"order": config.order} | ({"both_strands": config.both_strands} if config.has_index else {})
    section = {"model_type": config.model_type, **given, **usual}
    return model, _record(model, section, dataset_facts(manifest) | counted, weighing)


def add_to_ngram(folder: Path, data: Path, validation: Path) -> tuple[GeneNGramForCausalLM, dict[str, Any]]:
    """Count the train split of a dataset into a fitted model: what fitting on all genes at once would have given,
    if weights are fitted on the same validation genes.

    Genes that the model has counted already, and those that are validation genes, are left out, and it is said. (A
    table does not know its genes; it counts all.)

    Args:
        folder: of the model.
        data: folder that `genelm data build` wrote.
        validation: such a folder, whose validation split weights are fitted on again.

    Returns:
        The model, and the record of how it came about.

    Raises:
        InputError: the folder holds another kind of model or has counted this dataset or a validation gene, or a
            dataset lacks a split that is needed.
    """
    model, _ = load_model_folder(folder)
    if not isinstance(model, GeneNGramForCausalLM):
        raise InputError(f"{folder} holds a {model.config.model_type}; genes are counted into a gene_ngram alone.")
    before = read_record(folder)
    more = dataset_facts(read_manifest(data))
    known = before.get("dataset", {})
    counted = known.get("counted", [known["fingerprint"]] if "fingerprint" in known else [])
    if more["fingerprint"] in counted:
        raise InputError(f"The genes of {data} have been counted into {folder} already; give others.")
    weighing = _genes_to_fit_weights(model.config, validation)
    genes = load_split(data, "train")
    if model.config.has_index:
        genes = _not_counted(model, folder, data, genes, validation)
    added = _count(model, data, genes)
    together = {
        "name": f"{known.get('name', 'unknown')} + {more['name']}",
        "source": " + ".join(dict.fromkeys([*known.get("source", "unknown").split(" + "), more["source"]])),
        "fingerprint": hashlib.sha256(f"{known.get('fingerprint')}{more['fingerprint']}".encode()).hexdigest(),
        "genes": known.get("genes", 0) + added["genes"],
        "bases": known.get("bases", 0) + added["bases"],
        "counted": [*counted, more["fingerprint"]],
    }
    section = before.get("config", {}).get("model", {"model_type": model.config.model_type})
    return model, _record(model, section, together, weighing)


def _not_counted(model: GeneNGramForCausalLM, folder: Path, data: Path, genes: Dataset, validation: Path) -> Dataset:
    """Leave out genes that are counted already or are validation genes, on either strand, and say so.

    Raises:
        InputError: no gene is left, or a validation gene is counted already.
    """
    counted = {_on_either_strand(gene) for gene in model.index.genes()}
    held_out = load_split(validation, "validation")
    validated = dict(zip(_sequences(held_out), held_out["gene_id"], strict=True))
    for sequence, name in validated.items():
        if sequence in counted:
            raise InputError(
                f"Validation gene {name} of {validation} is among the genes that {folder} has counted, so weights "
                "fitted on it would trust copies too much; give another --validation."
            )
    sequences = _sequences(genes)
    places = [i for i, sequence in enumerate(sequences) if sequence not in counted and sequence not in validated]
    if not places:
        raise InputError(
            f"No training gene of {data} is new: all have been counted into {folder} or are validation genes; give "
            "others."
        )
    known = sum(sequence in counted for sequence in sequences)
    others = len(genes) - len(places) - known
    if known or others:
        log.info(
            f"{data}: {known + others:,} of {len(genes):,} genes are left out, {known:,} that have been counted "
            f"already and {others:,} that are validation genes."
        )
    return genes.select(places)


def _sequences(genes: Dataset) -> list[bytes]:
    symbols = np.array(SYMBOL_OF_TOKEN, dtype=np.uint8)
    return [_on_either_strand(symbols[encode(sequence)]) for sequence in genes["sequence"]]


def _on_either_strand(symbols: npt.NDArray[np.uint8]) -> bytes:
    """Return the symbols of a gene, the same for its reverse complement."""
    return min(symbols.tobytes(), reverse_complement(symbols).tobytes())


def _genes_to_fit_weights(config: GeneNGramConfig, data: Path) -> list[torch.Tensor]:
    """Read the validation genes, where the smoothing has weights."""
    if not config.has_index:
        return []
    validation = read_manifest(data).splits.get("validation")
    if validation is None or not validation.genes:
        raise InputError(
            f"{data} has no validation genes, on which {config.smoothing!r} fits its weights; build a dataset with a "
            "validation split, or count with --smoothing laplace."
        )
    return [torch.from_numpy(encode(sequence)) for sequence in load_split(data, "validation")["sequence"]]


def _count(model: GeneNGramForCausalLM, data: Path, genes: Dataset) -> dict[str, int]:
    """Count training genes of a dataset, and say how many they are."""
    if not len(genes):
        raise InputError(f"The train split of {data} has no gene to count; build it anew.")
    bar = progress_bar(genes["sequence"], desc="counting", unit="genes", unit_scale=True)
    try:
        model.count(torch.from_numpy(encode(sequence)) for sequence in bar)
    except OverflowError as error:
        raise InputError(f"{data} is too large to be counted: {error}; use fewer genes.") from error
    return {"genes": len(genes), "bases": sum(genes["length"])}


def _record(
    model: GeneNGramForCausalLM, section: dict[str, Any], dataset: dict[str, Any], weighing: list[torch.Tensor]
) -> dict[str, Any]:
    """Fit the weights where there are any, and say how the model came about."""
    if not weighing:
        return new_record(model, config={"model": section}, seed=None, dataset=dataset)
    try:
        bits = fit_head(model, weighing, seed=SEED)
    except ValueError as error:
        raise InputError(f"The weights cannot be fitted: {error}.") from error
    record = new_record(model, config={"model": section}, seed=SEED, dataset=dataset)
    return record | {"weights_fitted_on": {"genes": len(weighing), "bits_per_base_and_end": bits}}
