"""What a dataset is built from: the one list of options, checked when it is made."""

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import datasets

from genelm.storage import InputError, sha256_of

from .genes import SOURCE_COLUMNS, SPLITS

SOURCES = ("csv", "fasta", "simulated")
Paths = list[str | Path]


@dataclass
class HumanGenesConfig(datasets.BuilderConfig):
    """The options of a dataset of genes.

    Files come either as `train`, `validation` and `test`, or as `input`, which is then split at random.

    Args:
        name: the name of the dataset, kept in its manifest.
        source: `csv`, `fasta` or `simulated`.
        train: files of the training split.
        validation: files of the validation split.
        test: files of the test split.
        input: files to be split at random by `fractions` and `seed`.
        fractions: shares of train, validation and test in a random split; the default is the paper's.
        columns: for `csv`, which column of the file holds which of ours, such as `{"sequence": "seq_col"}`.
        min_length: shortest gene kept, in bases.
        max_length: longest gene kept, in bases; the default is the paper's.
        num_genes: for `simulated`, the number of genes to make.
        seed: of the simulator and of the random split.

    Raises:
        InputError: a value is out of range, the files do not fit the source, or a file is missing or empty.
    """

    name: str = "human_genes"
    source: str = "simulated"
    train: Paths = field(default_factory=list)
    validation: Paths = field(default_factory=list)
    test: Paths = field(default_factory=list)
    input: Paths = field(default_factory=list)
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    columns: dict[str, str] = field(default_factory=dict)
    min_length: int = 1
    max_length: int = 1000
    num_genes: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except datasets.builder.InvalidConfigName as error:
            raise InputError(f"{self.name!r} cannot name a dataset; leave out the letters <>:/\\|?*.") from error
        for name in (*SPLITS, "input"):
            if isinstance(getattr(self, name), str | Path):  # one file, as `datasets` also takes it
                setattr(self, name, [getattr(self, name)])
        self._check_numbers()
        self._check_columns()
        self._check_files()

    @property
    def given_splits(self) -> bool:
        """Whether the files say which gene is in which split."""
        return bool(self.train)

    @property
    def files(self) -> dict[str, list[Path]]:
        """The files to read, by split, or under `input` where the split is to be drawn."""
        given = {name: [Path(path) for path in getattr(self, name)] for name in (*SPLITS, "input")}
        return {name: paths for name, paths in given.items() if paths}

    def options(self) -> dict[str, Any]:
        """Return every option that decides the content, as plain JSON values."""
        values = {f.name: getattr(self, f.name) for f in fields(HumanGenesConfig) if f.name in _OPTIONS}
        paths = {name: [str(path) for path in values[name]] for name in (*SPLITS, "input")}
        return {**values, **paths, "fractions": list(self.fractions)}

    def checksums(self) -> list[str]:
        """Return the SHA-256 of every file to read, as its content is now."""
        return [sha256_of(path) for paths in self.files.values() for path in paths]

    def create_config_id(self, config_kwargs: dict, custom_features: datasets.Features | None = None) -> str:
        """Name the cache of `datasets` after the options and the files' content: a changed file is another dataset."""
        return super().create_config_id({**self.options(), "content": self.checksums()}, custom_features)

    def _check_numbers(self) -> None:
        if self.source not in SOURCES:
            raise InputError(f"There is no source {self.source!r}; choose one of {', '.join(SOURCES)}.")
        if not 1 <= self.min_length <= self.max_length:
            raise InputError(
                f"min_length {self.min_length} and max_length {self.max_length} keep no gene; "
                "give whole numbers with 1 <= min_length <= max_length."
            )
        if len(self.fractions) != 3 or min(self.fractions) <= 0 or not math.isclose(sum(self.fractions), 1):
            raise InputError(
                f"The split fractions {list(self.fractions)} are not three positive numbers that add up to 1; "
                "give the shares of train, validation and test, such as 0.6, 0.2 and 0.2."
            )
        if self.num_genes < 1:
            raise InputError(f"num_genes is {self.num_genes}; at least 1 gene is needed.")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give a whole number from 0 on.")

    def _check_columns(self) -> None:
        if self.columns and self.source != "csv":
            raise InputError(f"Columns are named for the source csv only, not for {self.source}; leave them out.")
        for name in self.columns:
            if name not in SOURCE_COLUMNS:
                raise InputError(
                    f"No column {name!r} of a gene can be read; name some of {', '.join(SOURCE_COLUMNS)}."
                )

    def _check_files(self) -> None:
        if self.data_files or self.data_dir:
            raise InputError(
                "Name the files as train, validation and test, or as input; data_files and data_dir are not read."
            )
        given = [name for name in (*SPLITS, "input") if getattr(self, name)]
        if self.source == "simulated":
            if given:
                raise InputError(
                    f"Simulated genes are not read from files, but files were given as {', '.join(given)}; "
                    "leave them out or choose the source csv or fasta."
                )
        elif given not in ([*SPLITS], ["input"]):
            raise InputError(
                f"The source {self.source} needs files for train, validation and test, or files as input to be split "
                f"at random, but got {' and '.join(given) or 'none'}."
            )
        for paths in self.files.values():
            for path in paths:
                if not path.is_file():
                    raise InputError(f"{path} is not a file; check the path.")
                if not path.stat().st_size:
                    raise InputError(f"{path} is empty; give a {self.source} file with genes.")


_OPTIONS = {f.name for f in fields(HumanGenesConfig)} - {f.name for f in fields(datasets.BuilderConfig)}
