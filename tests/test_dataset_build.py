"""A dataset folder is read by `datasets`, says how it came to be, and is the same bytes for the same input."""

from dataclasses import replace
from pathlib import Path

import datasets
import pytest

from genelm.dataset_scripts import (
    FEATURES,
    GeneDatasetBuilder,
    GeneDatasetConfig,
    build_dataset,
    load_split,
    read_manifest,
)
from genelm.dataset_scripts.genes.manifest import LengthSpread, SplitFacts
from genelm.storage import InputError, sha256_of

SPLITS = ("train", "validation", "test")


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """Small files with one of each: a copy within train, copies across splits, an N, a gene that is too long."""
    genes = {
        "train": ["ACGT", "acgt", "GGGA", "CCCA", "ANT", "A" * 30],
        "validation": ["TTTG", "CCCA", "TCCC"],
        "test": ["GGGA", "TATA"],
    }
    paths = {}
    for split, sequences in genes.items():
        paths[split] = tmp_path / f"{split}.csv"
        rows = [f"{split}{i},ncRNA,{sequence}" for i, sequence in enumerate(sequences)]
        paths[split].write_text("\n".join(["gene_id,gene_type,sequence", *rows]) + "\n")
    return paths


def config_of(files: dict[str, Path], **options) -> GeneDatasetConfig:
    return GeneDatasetConfig(
        source="csv", **{split: [path] for split, path in files.items()}, max_length=20, **options
    )


def built(config: GeneDatasetConfig, folder: Path) -> Path:
    folder.mkdir()
    build_dataset(config, folder, "genelm data build")
    return folder


def test_copies_are_dropped_from_the_lower_split_counted_and_named(files, tmp_path):
    folder = built(config_of(files), tmp_path / "d")
    assert {split: load_split(folder, split)["sequence"][:] for split in SPLITS} == {
        "train": ["ACGT"],
        "validation": ["TTTG", "CCCA"],
        "test": ["GGGA", "TATA"],
    }
    assert read_manifest(folder).dropped == {
        "train": {
            "ambiguous_letters": 1,
            "duplicate": 1,
            "duplicate_of_test": 1,
            "duplicate_of_validation": 1,
            "too_long": 1,
        },
        "validation": {"reverse_complement_of_test": 1},
        "test": {},
    }
    header, *named = (folder / "dropped.tsv").read_text().splitlines()
    assert header.split("\t") == ["part", "reason", "gene_id", "source"]
    assert sorted(named) == [
        "train\tambiguous_letters\ttrain4\ttrain.csv",
        "train\tduplicate\ttrain1\ttrain.csv",
        "train\tduplicate_of_test\ttrain2\ttrain.csv",
        "train\tduplicate_of_validation\ttrain3\ttrain.csv",
        "train\ttoo_long\ttrain5\ttrain.csv",
        "validation\treverse_complement_of_test\tvalidation2\tvalidation.csv",
    ]


def test_load_dataset_reads_the_folder(files, tmp_path):
    folder = built(config_of(files), tmp_path / "d")
    (folder / "README.md").write_text("# A dataset card\n")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(loaded[split]) for split in loaded} == {"train": 1, "validation": 2, "test": 2}
    assert loaded["train"].features == FEATURES
    assert loaded["test"][0] == load_split(folder, "test")[0]
    assert loaded["test"][0]["chromosome"] is None


def test_the_manifest_says_what_the_folder_is(files, tmp_path):
    folder = built(config_of(files, seed=5), tmp_path / "d")
    manifest = read_manifest(folder)
    written = [file for split in SPLITS for file in manifest.splits[split].files]
    assert manifest.fingerprint == sha256_of(folder / file.file for file in written)
    assert [file.sha256 for file in written] == [sha256_of(folder / file.file) for file in written]
    assert replace(manifest.splits["validation"], files=[]) == SplitFacts(
        files=[],
        genes=2,
        bases=8,
        gene_types={"ncRNA": 2},
        sources={"validation.csv": 2},
        letters={"A": 1, "C": 3, "G": 1, "T": 3, "other": 0},
        clusters=2,
        length=LengthSpread(min=4, median=4.0, max=4),
    )
    assert manifest.inputs[0] == {
        "file": str(files["train"]),
        "sha256": sha256_of(files["train"]),
        "bytes": files["train"].stat().st_size,
        "rows": 6,
    }
    assert (manifest.command, manifest.seed, manifest.config["max_length"]) == ("genelm data build", 5, 20)


def test_the_same_input_gives_the_same_bytes(files, tmp_path):
    first, second = (built(config_of(files), tmp_path / name) for name in "ab")
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(names) == 7
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_simulated_genes_are_split_by_fraction_and_reproducible(tmp_path):
    config = {"source": "simulated", "num_genes": 100, "max_length": 200, "seed": 7}
    first = read_manifest(built(GeneDatasetConfig(**config), tmp_path / "a"))
    again = read_manifest(built(GeneDatasetConfig(**config), tmp_path / "b"))
    other = read_manifest(built(GeneDatasetConfig(**config | {"seed": 8}), tmp_path / "c"))
    assert first == again
    assert first.fingerprint != other.fingerprint
    assert [first.splits[split].genes for split in SPLITS] == [60, 20, 20]


def test_files_of_one_input_are_pooled_and_split(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.fa").write_text("".join(f">{name}{i}\n{'AACT' * (i + 1)}\n" for i in range(10)))
    config = GeneDatasetConfig(source="fasta", input=[tmp_path / "a.fa", tmp_path / "b.fa"])
    folder = built(config, tmp_path / "d")
    manifest = read_manifest(folder)
    assert [entry["rows"] for entry in manifest.inputs] == [10, 10]
    assert manifest.dropped == {"input": {"duplicate": 10}}
    ids = [gene_id for split in SPLITS for gene_id in load_split(folder, split)["gene_id"]]
    assert sorted(ids) == [f"a{i}" for i in range(10)]


def test_files_of_one_name_lose_no_gene(tmp_path):
    for folder, letters in (("train", "AACG"), ("validation", "AACT"), ("test", "AGCT"), ("more", "CCCT")):
        (tmp_path / folder).mkdir()
        rows = "".join(f"{letters * (i + 1)}\n" for i in range(3))
        (tmp_path / folder / "genes.csv").write_text(f"bases\n{rows}")
    config = GeneDatasetConfig(
        source="csv",
        columns={"sequence": "bases"},
        extra=[tmp_path / "more" / "genes.csv"],
        **{split: [tmp_path / split / "genes.csv"] for split in SPLITS},
    )
    folder = built(config, tmp_path / "d")
    assert [len(load_split(folder, split)) for split in SPLITS] == [6, 3, 3]
    assert load_split(folder, "test")["gene_id"][0] == "test/genes.csv:2"
    assert set(load_split(folder, "train")["source"]) == {"train/genes.csv", "more/genes.csv"}


def test_an_extra_file_has_names_of_its_own_for_things(tmp_path):
    (tmp_path / "genes.fa").write_text("".join(f">{i}\n{'AACT' * (i + 1)}\n" for i in range(10)))
    (tmp_path / "extra.CSV").write_text("bases\nGGGGT\n")
    inputs = {"source": "fasta", "input": [tmp_path / "genes.fa"], "extra": [tmp_path / "extra.CSV"]}
    folder = built(GeneDatasetConfig(columns={"sequence": "bases"}, **inputs), tmp_path / "d")
    assert load_split(folder, "train")["sequence"][-1] == "GGGGT"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "genbank"}, "source is 'genbank'; choose one of csv, fasta, genome, ncbi, ncbi-package, simul"),
        ({"split": "halves"}, "split is 'halves'; choose one of paper, random, chromosome, similarity"),
        ({"ambiguous": "mask"}, "ambiguous is 'mask'; choose one of drop, split, keep"),
        ({"window": 10, "stride": 11}, "bases between windows would be lost"),
        ({"stride": 5}, "stride is 5 and window None"),
        ({"window": 3, "min_length": 4}, "window 3 is shorter than min_length 4"),
        ({"identity": 0.0}, "identity is 0.0; give a share above 0"),
        ({"taxon": "9606"}, "taxon is an option of the source ncbi, not of csv"),
        ({"source": "ncbi"}, "ncbi needs a taxon, such as 9606"),
        ({"source": "ncbi", "taxon": "human"}, "taxon is 'human'; give its number"),
        ({"source": "genome", "fasta": "g.fa"}, "genome needs a fasta, .* and an annotation"),
        (
            {"source": "genome", "fasta": ["g.fa", "h.fa"], "annotation": "g.gff3"},
            "Of fasta there are 2, of annotation 1; give one annotation for each fasta",
        ),
        ({"split": "chromosome"}, "needs validation_chromosomes and test_chromosomes"),
        (
            {"split": "chromosome", "validation_chromosomes": ["8"], "test_chromosomes": ["8"]},
            "Chromosome 8 is named twice",
        ),
        ({"test_chromosomes": ["8"]}, "Chromosomes are named for the split by chromosome, not for random"),
        ({"split": "similarity", "cluster_with": "none"}, "leave out cluster_with none"),
        ({"source": "simulated", "split": "paper"}, "The split paper does not fit the files"),
        ({"source": "csv"}, "csv needs files for train, validation and test, or .* but got none"),
        ({"source": "csv", "train": ["x"], "test": ["y"]}, "but got train and test"),
        ({"source": "simulated", "train": ["x"]}, "The source simulated reads no such files"),
        ({"source": "fasta", "input": "no.fa"}, "no.fa is not a file"),
        ({"min_length": 5, "max_length": 4}, "min_length 5 and max_length 4 keep no gene"),
        ({"fractions": (0.5, 0.5, 0.5)}, "split fractions .* add up to 1"),
        ({"fractions": (0.9, 0.1, 0.0)}, "split fractions .* positive"),
        ({"num_genes": 0}, "num_genes is 0; give a whole number from 1 on"),
        ({"seed": -1}, "seed is -1"),
        (
            {"source": "simulated", "columns": {"sequence": "s"}},
            "columns is an option of the source csv, not of simulated",
        ),
        ({"source": "csv", "columns": {"seq": "s"}}, "No column 'seq' of a gene"),
        ({"data_dir": "x"}, "data_files and data_dir are not read"),
        ({"name": "a/b"}, "'a/b' cannot name a dataset"),
    ],
)
def test_unusable_options_are_one_sentence(options, message):
    with pytest.raises(InputError, match=message):
        GeneDatasetConfig(**options)


def test_an_empty_file_is_one_sentence(files):
    files["test"].write_text("")
    with pytest.raises(InputError, match=r"test.csv is empty; give a file with genes"):
        config_of(files)


@pytest.mark.parametrize(
    ("split", "rows", "message"),
    [
        ("test", "t,ncRNA,N\n", r"None of the 1 genes in .*test.csv is left after cleaning \(1 ambiguous_letters\)"),
        ("train", "t,ncRNA,GGGA\n", r"The train split is empty: .* dropped were 1 duplicate_of_test"),
        ("train", "test0,ncRNA,GGGGG\n", r"The train split is empty: .* dropped were 1 gene_id_twice"),
        ("train", "t,ncRNA,ACXT\n", r"train.csv, line 2: gene t has 'X' at position 3"),
    ],
)
def test_genes_that_make_no_dataset_are_one_sentence(files, tmp_path, split, rows, message):
    files[split].write_text("gene_id,gene_type,sequence\n" + rows)
    with pytest.raises(InputError, match=message):
        built(config_of(files), tmp_path / "d")


def test_a_file_of_several_may_have_no_gene_that_is_kept(tmp_path):
    files = [tmp_path / f"{name}.fa" for name in ("long", "short")]
    files[0].write_text(f">long\n{'ACGT' * 10}\n")
    files[1].write_text("".join(f">gene{i}\n{'ACGT'[: i + 1]}{'T' * i}\n" for i in range(4)))
    options = {"source": "fasta", "max_length": 20, "fractions": (0.4, 0.3, 0.3), "split": "random"}
    folder = built(GeneDatasetConfig(input=files, **options), tmp_path / "d")
    assert sum(split.genes for split in read_manifest(folder).splits.values()) == 4
    assert (folder / "dropped.tsv").read_text().splitlines()[1:] == ["input\ttoo_long\tlong\tlong.fa"]
    files[1].write_text(files[0].read_text())
    with pytest.raises(InputError, match=r"None of the 2 genes in the 2 files from .*long\.fa to .*short\.fa is left"):
        built(GeneDatasetConfig(input=files, **options), tmp_path / "e")


def test_too_few_genes_for_three_splits_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="The test split is empty: 2 genes are left for all splits"):
        built(GeneDatasetConfig(source="simulated", num_genes=2), tmp_path / "d")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": "other"}', '{"format": "genelm-dataset"}'])
def test_a_folder_that_is_no_dataset_says_how_to_build_one(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match="build one with `genelm data build"):
        load_split(tmp_path, "train")


def test_a_split_that_is_not_there_or_was_changed_is_not_loaded(files, tmp_path):
    folder = built(config_of(files), tmp_path / "d")
    with pytest.raises(InputError, match="has no split 'dev'; it has train, validation, test"):
        load_split(folder, "dev")
    train, test = (folder / f"data/{split}-00000-of-00001.parquet" for split in ("train", "test"))
    train.write_bytes(test.read_bytes())
    with pytest.raises(InputError, match=r"train-00000-of-00001.parquet is not the file that the manifest describes"):
        load_split(folder, "train")
    test.unlink()
    with pytest.raises(InputError, match=r"test-00000-of-00001.parquet is missing"):
        load_split(folder, "test")


def test_a_folder_name_like_a_partition_adds_no_column(tmp_path):
    assert (
        load_split(built(GeneDatasetConfig(source="simulated", num_genes=20), tmp_path / "seed=1"), "test").features
        == FEATURES
    )


def options_of(files: dict[str, Path], tmp_path: Path) -> dict:
    splits = {split: [str(path)] for split, path in files.items()}
    return {"source": "csv", **splits, "max_length": 20, "cache_dir": str(tmp_path / "cache")}


def test_the_builder_gives_the_genes_of_the_folder(files, tmp_path):
    folder = built(config_of(files), tmp_path / "d")
    builder = GeneDatasetBuilder(**options_of(files, tmp_path))
    builder.download_and_prepare()
    for split in SPLITS:
        rows = load_split(folder, split).to_list()
        assert builder.as_dataset(split=split).to_list() == rows
        assert list(builder.as_streaming_dataset(split=split)) == rows
    assert builder.as_dataset(split="train").features == FEATURES


def test_a_changed_file_never_gives_the_old_dataset(files, tmp_path):
    options, output = options_of(files, tmp_path), str(tmp_path / "out")
    old = GeneDatasetBuilder(**options)
    old.download_and_prepare()
    old.download_and_prepare(output, file_format="parquet")
    files["test"].write_text(files["test"].read_text() + "new,ncRNA,CATG\n")

    with pytest.raises(InputError, match="changed since this builder was made"):
        old.download_and_prepare()
    new = GeneDatasetBuilder(**options)
    new.download_and_prepare()
    assert new.as_dataset(split="test")["gene_id"][:] == ["test0", "test1", "new"]
    new.download_and_prepare(output, file_format="parquet")
    loaded = datasets.load_dataset(output, split="test", cache_dir=str(tmp_path / "cache"))
    assert loaded["gene_id"][:] == ["test0", "test1", "new"]


def test_an_unchanged_file_is_taken_from_the_cache(files, tmp_path):
    first, second = (GeneDatasetBuilder(**options_of(files, tmp_path)) for _ in range(2))
    first.download_and_prepare()
    info = Path(first.cache_dir) / "dataset_info.json"
    written = info.stat().st_mtime_ns
    second.download_and_prepare()
    assert second.cache_dir == first.cache_dir
    assert info.stat().st_mtime_ns == written


def test_the_papers_files_are_kept_whole(real_data, tmp_path):
    paper = real_data / "paper"
    names = {"train": "genes_train_subset.csv", "validation": "genes_validation.csv", "test": "genes_test.csv"}
    files = {split: [paper / name] for split, name in names.items()}
    config = GeneDatasetConfig(source="csv", cluster_with="none", **files)
    manifest = read_manifest(built(config, tmp_path / "d"))
    # Rows of the files less those that another row has on the other strand: counted with Python sets of strings.
    assert {split: m.genes for split, m in manifest.splits.items()} == {
        "train": 5481 - 5,
        "validation": 3077,
        "test": 4578,
    }
    assert manifest.dropped == {
        "train": {"reverse_complement": 2, "reverse_complement_of_test": 1, "reverse_complement_of_validation": 2},
        "validation": {},
        "test": {},
    }


def test_a_compressed_fasta_of_real_sequences_is_split(real_data, tmp_path):
    path = real_data / "extra_genes" / "human_le1000_dedup_noeval.fa.gz"
    manifest = read_manifest(
        built(GeneDatasetConfig(source="fasta", input=[path], cluster_with="none"), tmp_path / "d")
    )
    assert manifest.inputs[0]["rows"] == 20_231
    kept = sum(split.genes for split in manifest.splits.values())
    assert kept + sum(manifest.dropped["input"].values()) == 20_231
