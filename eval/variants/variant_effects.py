"""The task "variants": does the change that a variant makes to a gene's likelihood tell what it does?

Where nothing is known of the variants, they are scored all the same, and compared with nothing.

The score of a variant is the log-odds against uniform bases, in nats, of the window around it with the alternative
allele less that with the reference allele, so that insertions and deletions compare with substitutions:
`(n_alt ln 4 + ln p(alt)) - (n_ref ln 4 + ln p(ref))`. Below 0 the model finds the variant worse than the reference.
"""

import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genelm.modeling import traits_of
from genelm.storage import InputError, atomic_file, progress_bar, sha256_of
from genelm.tokenization import reverse_complement

from ..results import ALL, MeasuredDataset, MeasuredModel, Measurement, Results
from ..scoring import MAX_POSITIONS, FloatArray, ScoreCache, log_odds, score_genes
from ..statistics import Interval, auroc, spearman, statistic_interval
from .variant_files import Variant, read_variants
from .variant_windows import Window, make_windows
from .variants_report import VariantsReport

WINDOW = 512
"""Bases around a variant, where nothing else is asked for."""

FEWEST = 10
"""Variants, or of either class, from which a value is given."""

Statistic = Callable[[npt.NDArray[np.int64]], float]


def name_variants(variants: Path, window: int, both_strands: bool) -> tuple[str, str]:
    """Return the name of a set of variants by its file, and by window and strands what stands for a split."""
    return variants.name.split(".")[0], f"windows of {window:,}, {'both strands' if both_strands else 'one strand'}"


def evaluate_variants(
    model: torch.nn.Module,
    *,
    measured_model: MeasuredModel,
    variants: Path,
    reference: Path,
    columns: Mapping[str, str],
    zero_based: bool = False,
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    window: int = WINDOW,
    both_strands: bool = False,
    seed: int = 0,
    command: str,
    max_positions: int = MAX_POSITIONS,
    cache: ScoreCache | None = None,
    variant_scores: Path | None = None,
) -> Results:
    """Measure a model on the variants of a file.

    Args:
        model: any model the scorer takes.
        measured_model: what results say of it.
        variants: VCF or a table, see `read_variants`.
        reference: FASTA of the sequences that they change, see `make_windows`.
        columns: of a variant -> name of the column or INFO field, see `read_variants`.
        zero_based: whether positions of a table count from 0.
        positive: labels of variants that do harm.
        negative: labels of variants that do none.
        window: bases of the reference around the middle of a variant.
        both_strands: average the score over the window and its reverse complement.
        seed: of the bootstrap.
        command: the command line, for the record.
        max_positions: of one batch of the scorer, padding included.
        cache: where scores are kept as they are made, or None.
        variant_scores: where to write the score of each variant, a TSV file.

    Returns:
        The results; their split names the window and the strands. Beside what `measure_variants` returns they have the
        `count` of the variants scored, and of those left out by reason; no more where the variants have neither
        effects nor labels.

    Raises:
        InputError: as the functions named above.
    """
    limit = traits_of(model).max_bases
    if limit is not None and window > limit:
        raise InputError(
            f"A window of {window} bases is more than the {limit} that this {traits_of(model).model_type} reads; give "
            f"--window {limit} or less, or have it read in parts (--context)."
        )
    dropped: Counter[str] = Counter()
    read = read_variants(variants, columns=columns, zero_based=zero_based, dropped=dropped)
    labels = {*positive, *negative}
    compared = bool(labels) or not columns.keys().isdisjoint(("effect", "label"))
    if not compared:  # unless a table has a column that is called effect
        everything = list(read)
        compared, read = any(math.isfinite(variant.effect) for variant in everything), iter(everything)
    if compared:
        read = _with_something_known(read, labels, variants, dropped)
    windows = make_windows(read, reference, window=window, dropped=dropped, longest=limit)
    ratios = score_variants(model, windows, both_strands=both_strands, max_positions=max_positions, cache=cache)
    rows = measure_variants(windows, ratios, positive=positive, negative=negative, seed=seed) if compared else []
    for group, counts in (("scored", {ALL: len(windows)}), ("left out", dropped)):
        rows += [_row("count", group, what, float(count), None, count, 0) for what, count in sorted(counts.items())]
    if variant_scores is not None:
        write_variant_scores(windows, ratios, variant_scores)
    name, split = name_variants(variants, window, both_strands)
    meaning = [dict(columns), zero_based, *map(sorted, (positive, negative))]
    fingerprint = _fingerprint([variants, reference], meaning)
    return Results(
        model=measured_model,
        dataset=MeasuredDataset(name=name, fingerprint=fingerprint, split=split),
        measurements=rows,
        seed=seed,
        command=command,
        notes=[],
    )


def _fingerprint(files: list[Path], meaning: list[Any]) -> str:
    """Return a digest of what is measured: the files, and what their columns and labels are taken for."""
    measured = json.dumps([sha256_of(files), *meaning], sort_keys=True)
    return hashlib.sha256(measured.encode()).hexdigest()


def _with_something_known(
    variants: Iterator[Variant], labels: set[str], file: Path, dropped: Counter[str]
) -> Iterator[Variant]:
    """Yield the others; leave out, and count, what has neither an effect nor one of the labels, where others have.

    Raises:
        InputError: none has.
    """
    is_known, found = False, Counter[str]()
    for variant in variants:
        if math.isfinite(variant.effect) or variant.label in labels:
            is_known = True
            yield variant
        else:
            dropped["no_effect_or_label"] += 1
            found[variant.label] += 1
    if found and not is_known:
        del found[""]
        some = ", ".join(f"{label} ({count:,})" for label, count in found.most_common(5)) or "none"
        raise InputError(
            f"No variant of {file} has an effect or one of the labels "
            f"{', '.join(sorted(labels)) or '(none is named)'}; its labels are {some}: name those that do harm "
            "with --positive and those that do none with --negative, or the column of effects with --column."
        )


def score_variants(
    model: torch.nn.Module,
    windows: Sequence[Window],
    *,
    both_strands: bool,
    max_positions: int = MAX_POSITIONS,
    cache: ScoreCache | None = None,
) -> FloatArray:
    """Return the score of each variant.

    Args:
        model: any model the scorer takes.
        windows: of the variants.
        both_strands: average the ratio over the window and its reverse complement.
        max_positions: of one batch of the scorer.
        cache: where scores are kept as they are made, or None.

    Returns:
        Nats, alternative less reference, shape `[n_variants]`.
    """
    strands: list[Callable[[str], str]] = [str, reverse_complement] if both_strands else [str]
    names: dict[str, str] = {}
    for window in windows:
        for strand in strands:
            names.setdefault(strand(window.ref), window.variant.place)
            names.setdefault(strand(window.alt), window.variant.place)
    scores = score_genes(
        model,
        list(names),
        names=list(names.values()),
        max_positions=max_positions,
        description=VariantsReport.name,
        cache=cache,
    )
    odds = dict(zip(names, log_odds(scores), strict=True))
    with np.errstate(invalid="ignore"):  # what is impossible either way is a tie
        ratios = np.array(
            [odds[strand(window.alt)] - odds[strand(window.ref)] for strand in strands for window in windows]
        )
        means = ratios.reshape(len(strands), -1).mean(axis=0)
    return np.where(np.isnan(means), 0.0, means)


def measure_variants(
    windows: Sequence[Window],
    ratios: FloatArray,
    *,
    positive: Sequence[str],
    negative: Sequence[str],
    seed: int,
) -> list[Measurement]:
    """Compare the scores of variants with what is known of them.

    Args:
        windows: of the variants.
        ratios: nats, alternative less reference, shape `[n_variants]`.
        positive: labels of variants that do harm.
        negative: labels of variants that do none.
        seed: of the bootstrap, which draws positions: the variants of one position are not independent.

    Returns:
        Over all variants, by kind (substitution, insertion, deletion, other) and by contig, where there are at least
        ten: `spearman` of the ratio with the measured effect, `spearman_size` of the negative ratio with the size of
        the effect (is what the model finds unlikely what matters?), and `auroc` of the negative ratio for telling
        positive from negative labels.
    """
    effects = np.array([window.variant.effect for window in windows])
    labels = np.array([window.variant.label for window in windows], dtype=np.str_)
    is_positive, is_negative = np.isin(labels, list(positive)), np.isin(labels, list(negative))
    has_effect, has_label = np.isfinite(effects), is_positive | is_negative
    comparisons: list[tuple[str, npt.NDArray[np.bool_], Statistic]] = [
        ("spearman", has_effect, lambda chosen: spearman(ratios[chosen], effects[chosen])),
        ("spearman_size", has_effect, lambda chosen: spearman(-ratios[chosen], np.abs(effects[chosen]))),
        ("auroc", has_label, lambda chosen: auroc(-ratios[chosen], is_positive[chosen])),
    ]
    positions = np.array([f"{window.variant.contig}:{window.variant.position}" for window in windows])
    contigs = np.array([window.variant.contig for window in windows])
    kinds = np.array([_kind(window.variant) for window in windows])
    measurements = []
    strata = [
        (group, stratum, names)
        for group, names in ((ALL, np.full(len(windows), ALL)), ("kind", kinds), ("contig", contigs))
        for stratum in dict.fromkeys(names.tolist())
    ]
    for group, stratum, names in progress_bar(strata, desc="intervals", unit="strata", leave=False):
        members = names == stratum
        for metric, usable, statistic in comparisons:
            chosen = np.flatnonzero(members & usable)
            n_positive = int(is_positive[chosen].sum())
            smallest = min(n_positive, len(chosen) - n_positive) if metric == "auroc" else len(chosen)
            value = statistic(chosen) if smallest >= FEWEST else math.nan
            if not math.isnan(value):  # a model that gives all the same has no rank correlation
                interval = _interval(statistic, chosen, positions, seed)
                n_bases = sum(len(windows[i].ref) for i in chosen.tolist())
                measurements.append(_row(metric, group, stratum, value, interval, len(chosen), n_bases))
    return measurements


def write_variant_scores(windows: Sequence[Window], ratios: FloatArray, path: Path) -> None:
    """Write a table of the scores: contig, position (from 1), alleles, ratio in nats, effect and label."""
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["contig", "position", "ref", "alt", "score", "effect", "label"])
        for window, ratio in zip(windows, ratios.tolist(), strict=True):
            known = window.variant
            effect = "" if math.isnan(known.effect) else f"{known.effect:g}"
            table.writerow([known.contig, known.position, known.ref, known.alt, f"{ratio:.6f}", effect, known.label])


def _row(
    metric: str,
    group: str,
    stratum: str,
    value: float,
    interval: Interval | None,
    n_variants: int,
    n_bases: int,
) -> Measurement:
    return Measurement(
        task=VariantsReport.name,
        task_version=VariantsReport.version,
        convention="genelm",
        metric=metric,
        units="",
        group=group,
        stratum=stratum,
        value=value,
        confidence_interval=interval,
        n_genes=n_variants,
        n_bases=n_bases,
    )


def _interval(
    statistic: Statistic, chosen: npt.NDArray[np.int64], positions: npt.NDArray[np.str_], seed: int
) -> Interval | None:
    return statistic_interval(
        lambda drawn: statistic(chosen[drawn]), len(chosen), clusters=positions[chosen], seed=seed
    )


def _kind(variant: Variant) -> str:
    if len(variant.ref) == len(variant.alt):
        return "substitution"
    shorter, longer = sorted((variant.ref, variant.alt), key=len)
    if not (longer.startswith(shorter) or longer.endswith(shorter)):
        return "other"
    return "insertion" if shorter == variant.ref else "deletion"
