"""The genelm command: the user's path from genes to a card, and one clear sentence for whatever cannot be used."""

import csv
import gzip
import inspect
import json
import math
import os
import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dnaio
import pytest
import typer

from genelm.cli.main import app, main
from genelm.dataset_scripts import load_split
from genelm.eval import MAX_POSITIONS, ORDERS, WINDOW
from genelm.modeling import GeneRNNConfig, GeneRNNForCausalLM, save_model_folder
from genelm.storage import InputError
from genelm.tokenization import load_tokenizer
from genelm.training import FRACTIONS

Run = Callable[[str], str]

DEFAULTS = {
    "evaluate": {"max_positions": MAX_POSITIONS},
    "baselines": {"max_positions": MAX_POSITIONS, "order": " ".join(map(str, ORDERS))},
    "variants": {"max_positions": MAX_POSITIONS, "window": WINDOW},
    "score": {"max_positions": MAX_POSITIONS, "output": "standard output"},
    "generate": {"output": "standard output"},
    "learning-curve": {"fraction": " ".join(f"{share:g}" for share in FRACTIONS), "smoothing": "laplace mixture"},
}
"""What commands fill in for what is not given, of those options whose signature does not say it."""


@pytest.fixture
def genelm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in an empty folder; give what it printed, or fail with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)  # a program, not a module, whatever runs the tests

    def run(line: str) -> str:
        monkeypatch.setattr("sys.argv", ["genelm", *line.split()])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert stop.value.code in (0, None), printed.err
        return printed.out

    return run


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line that must fail: exit status 2, one sentence, and no file that was not there before."""
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setattr("sys.argv", ["genelm", *line.split()])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before
        message = capsys.readouterr().err.splitlines()[-1]
        assert message.startswith("genelm: ")
        return message

    return run


@pytest.fixture
def model(genelm: Run, small_dataset: Path) -> str:
    genelm(f"ngram fit --data {small_dataset} --smoothing laplace --order 4 --output runs/laplace4")
    return "runs/laplace4"


def test_from_genes_to_a_card(genelm: Run, tmp_path: Path) -> None:
    genelm("data build --source simulated --num-genes 120 --max-length 150 --output data/genes")
    for order in (2, 4):
        genelm(f"ngram fit --data data/genes --order {order} --smoothing laplace --output runs/laplace{order}")
        genelm(
            f"evaluate runs/laplace{order} --data data/genes --split test --task perplexity --task edits "
            f"--output results/laplace{order}.json"
        )
    genelm("report results/laplace2.json results/laplace4.json --output report")
    assert "laplace4" in Path("report/report.md").read_text()
    assert Path("report/report.png").stat().st_size > 10_000
    genelm("generate runs/laplace4 --num 6 --prompt ATG --max-new-tokens 50 --output genes.fa")
    genelm("score runs/laplace4 genes.fa --output scores.tsv")
    assert len(Path("scores.tsv").read_text().splitlines()) == 7
    Path("results/notes.json").write_text("{}")  # somebody's, and nobody named it
    genelm("push runs/laplace4 --repo USER/gene-laplace4 --dry-run hub")
    measured = json.loads(Path("results/laplace4.json").read_text())
    assert measured["command"].startswith("genelm evaluate runs/laplace4 --data data/genes --split test")
    bits = next(row["value"] for row in measured["measurements"] if row["metric"] == "bits_per_base")
    # The card holds the results of this model alone.
    card = Path("hub/README.md").read_text()
    assert f"| all | {bits:.4f} (" in card
    assert len(list(Path("hub/results").iterdir())) == 1


def test_the_same_evaluation_gives_the_same_bytes(genelm: Run, model: str, small_dataset: Path) -> None:
    written = []
    for _ in range(2):
        genelm(f"evaluate {model} --data {small_dataset} --task perplexity --task edits --output results/one.json")
        written.append(Path("results/one.json").read_bytes())
    assert written[0] == written[1]


def test_scores_of_genes_and_of_bases_agree(genelm: Run, model: str) -> None:
    Path("genes.fa").write_text(">one first gene\nACGTNNACG\nTTA\n>two\nggcc\n>three\nN\n")
    genelm(f"score {model} genes.fa --output genes.tsv")
    genelm(f"score {model} genes.fa --per-base --output bases.tsv --plot bases.png")
    assert Path("bases.png").read_bytes().startswith(b"\x89PNG")
    with open("genes.tsv") as genes, open("bases.tsv") as bases:
        by_gene = {row["gene_id"]: row for row in csv.DictReader(genes, delimiter="\t")}
        by_base = list(csv.DictReader(bases, delimiter="\t"))
    assert [int(by_gene[name]["bases"]) for name in ("one", "two", "three")] == [10, 4, 0]
    assert [row["position"] for row in by_base if row["gene_id"] == "two"] == ["1", "2", "3", "4"]
    for name, row in by_gene.items():
        total = sum(float(base["bits"]) for base in by_base if base["gene_id"] == name and base["bits"])
        assert float(row["total_bits"]) == pytest.approx(total, abs=1e-5)
    assert float(by_gene["two"]["perplexity"]) == pytest.approx(
        2 ** (float(by_gene["two"]["total_bits"]) / 4), abs=1e-5
    )
    assert math.isnan(float(by_gene["three"]["bits_per_base"]))


def test_a_score_table_may_be_compressed(genelm: Run, model: str) -> None:
    Path("genes.fa").write_text(">one\nACGTNN\n")
    genelm(f"score {model} genes.fa --output plain.tsv")
    genelm(f"score {model} genes.fa --output packed.tsv.gz")
    assert gzip.decompress(Path("packed.tsv.gz").read_bytes()) == Path("plain.tsv").read_bytes()


def test_without_an_output_scores_and_genes_are_printed(genelm: Run, model: str) -> None:
    Path("genes.fa").write_text(">one\nACGTNN\n>two\nGGCC\n")
    for options in ("", " --per-base"):
        genelm(f"score {model} genes.fa{options} --output scores.tsv")
        assert genelm(f"score {model} genes.fa{options}") == Path("scores.tsv").read_text()
    genelm(f"generate {model} --num 3 --max-new-tokens 9 --output written.fa")
    assert genelm(f"generate {model} --num 3 --max-new-tokens 9") == Path("written.fa").read_text()


def test_names_of_written_genes_are_ids_of_fasta(genelm: Run, model: str) -> None:
    Path(model).rename("modèle")
    genelm("generate modèle --num 2 --prompt AUg --max-new-tokens 9 --output genes.fa")
    with dnaio.open("genes.fa") as records:
        genes = list(records)
    assert [gene.name.split()[0] for gene in genes] == ["mod-le_1", "mod-le_2"]
    assert all(gene.sequence.startswith("ATG") for gene in genes)


def test_no_gene_is_written_without_a_base(genelm: Run, model: str) -> None:
    genelm(f"generate {model} --num 40 --max-new-tokens 12 --min-new-tokens 10 --output genes.fa")
    with dnaio.open("genes.fa") as records:
        assert all(10 <= len(record.sequence) <= 12 for record in records)


def test_a_report_over_a_folder(genelm: Run, model: str, small_dataset: Path) -> None:
    genelm(f"evaluate {model} --data {small_dataset} --output results/laplace4.json")
    genelm("report results --output report")
    assert "laplace4" in Path("report/report.md").read_text()


def test_the_version(genelm: Run) -> None:
    assert genelm("--version").startswith("genelm ")


def test_written_genes(genelm: Run, model: str) -> None:
    options = "--num 3 --prompt acg --max-new-tokens 20"
    genelm(f"generate {model} {options} --seed 1 --output a.fa.gz")
    genelm(f"generate {model} {options} --seed 1 --output b.fa")
    with dnaio.open("a.fa.gz") as one, dnaio.open("b.fa") as other:
        records, again = list(one), list(other)
    assert [record.sequence for record in records] == [record.sequence for record in again]
    assert records[0].name.startswith("laplace4_1 prompt=acg temperature=1 seed=1 ended=")
    assert all(record.sequence.startswith("ACG") for record in records)


def test_files_of_a_csv_with_other_columns(genelm: Run) -> None:
    Path("genes.csv").write_text("name,dna\n" + "".join(f"g{n},{'ACGT' * (n + 1)}\n" for n in range(20)))
    genelm("data build --input genes.csv --column gene_id=name --column sequence=dna --output data/mine")
    splits = [load_split(Path("data/mine"), split) for split in ("train", "validation", "test")]
    assert sum(len(split) for split in splits) == 20
    assert (Path("data/mine") / "README.md").read_text().startswith("---")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("max_length/genes.csv", "max_length/genes.csv is not a file; check the path."),
        ("{max_length}/{}.csv", "{max_length}/{}.csv is not a file; check the path."),
        ("a.csv --source min_length", "--source is 'min_length'; choose one of csv, fasta, genome, ncbi, "),
        ("a.csv --cluster-with cluster_with{}", "--cluster-with is 'cluster_with{}'; choose one of none, kmers, "),
        ("--source ncbi --taxon {num_genes}", "--taxon is '{num_genes}'; give its number in NCBI's taxonomy, "),
        ("a.csv --min-length 5 --max-length 4", "--min-length 5 and --max-length 4 keep no gene; give whole numbers "),
        ("a.csv --num-genes 3", "--num-genes is an option of the source simulated, not of csv; leave it out."),
        ("a.csv --source fasta --column sequence=min_length", "--column is an option of the source csv, not of fasta"),
        ("--source simulated --max-length 9", "--max-length is 9, but simulated genes need at least "),
        ("--source genome --fasta a.csv", "The source genome needs a --fasta, the chromosomes, and an --annotation, "),
        (
            "--source simulated --test-chromosome 8 --split chromosome",
            "needs --validation-chromosome and --test-chrom",
        ),
    ],
)
def test_an_error_names_options_and_leaves_what_was_given_as_it_is(options: str, message: str, refused: Run) -> None:
    assert message in refused(f"data build {options} --output data/genes")


def test_a_genome_in_several_files(genelm: Run, refused: Run) -> None:
    letters = random.Random(0)
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "chr.fa").write_text(f">{name}\n{''.join(letters.choices('ACGT', k=600))}\n")
        lines = [f"{name}\tmade\tgene\t{n * 30 + 1}\t{n * 30 + 25}\t.\t+\t.\tID={name}{n}\n" for n in range(20)]
        Path(name, "chr.gff3").write_text("##gff-version 3\n" + "".join(lines))
    options = {name: f"--fasta {name}/chr.fa --annotation {name}/chr.gff3" for name in ("one", "two")}
    options["both"] = f"{options['one']} {options['two']}"
    genes, entries, sources = {}, {}, {}
    for name, given in options.items():
        genelm(f"data build --source genome {given} --output data/{name}")
        splits = [load_split(Path("data", name), split) for split in ("train", "validation", "test")]
        genes[name] = {gene["gene_id"]: gene["sequence"] for split in splits for gene in split}
        sources[name] = {gene["source"] for split in splits for gene in split}
        entries[name] = json.loads(Path("data", name, "manifest.json").read_text())["inputs"]
    assert len(genes["both"]) == 40
    assert genes["both"] == genes["one"] | genes["two"]
    assert entries["both"] == entries["one"] + entries["two"]
    assert sources == {"one": {"chr.fa"}, "two": {"chr.fa"}, "both": {"one/chr.fa", "two/chr.fa"}}
    message = refused(f"data build --source genome {options['both']} --fasta one/chr.fa --output data/x")
    assert "Of --fasta there are 3, of --annotation 2; give one --annotation for each --fasta" in message


def test_leakage_is_reported_again_beside_the_data(genelm: Run) -> None:
    built = genelm("data build --source simulated --num-genes 120 --split similarity --output data/apart")
    assert "test genes with a similar gene in training (identity 0.8, coverage 0.5" in built
    folder = Path("data/apart")
    card = (folder / "README.md").read_text()
    written = {name: (folder / name).read_bytes() for name in ("leakage.json", "leakage.png", "README.md")}
    for name in written:
        (folder / name).unlink()
    reported = genelm("data report data/apart")
    assert "test genes by 24-mers shared with training: " in reported
    assert {name: (folder / name).read_bytes() for name in written} == written
    assert "leakage.png" in card


def test_data_that_cannot_be_used(refused: Run, tmp_path: Path) -> None:
    (tmp_path / "no_sequence.csv").write_text("gene_id,letters\na,ACGT\n")
    (tmp_path / "letter.csv").write_text("gene_id,sequence\na,ACGT\nb,ACJT\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "cut.csv").write_bytes(gzip.compress(b"gene_id,sequence\na,ACGT\n")[:-5])
    (tmp_path / "semicolons.csv").write_text("gene_id;sequence\na;ACGT\n")
    whole = gzip.compress(b">a\nACGT\n" * 1000)
    (tmp_path / "cut.fa.gz").write_bytes(whole[: len(whole) // 2])
    for line, words in (
        ("--input no_sequence.csv", ("no_sequence.csv", "sequence", "letters")),
        ("--input letter.csv", ("letter.csv", "'J'", "b", "3")),
        ("--input empty.csv", ("empty.csv", "empty")),
        ("--source fasta --input cut.fa.gz", ("cut.fa.gz", "cut off")),
        ("--input missing.csv", ("missing.csv", "not a file")),
        ("--input cut.csv", ("cut.csv", "cut off")),
        ("--input semicolons.csv", ("semicolons.csv", "no commas")),
        ("--input letter.csv --column dna", ("--column dna", "OURS=THEIRS")),
    ):
        message = refused(f"data build {line} --output data/genes")
        assert all(word in message for word in words), message


def test_a_folder_of_others_is_not_replaced(refused: Run, tmp_path: Path, small_dataset: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    for line in ("data build --source simulated", f"ngram fit --data {small_dataset}"):
        assert "mine holds mine/thesis.tex" in refused(f"{line} --output mine")


def test_models_that_cannot_be_used(refused: Run, model: str, tmp_path: Path, small_dataset: Path) -> None:
    assert "order is 99" in refused(f"ngram fit --data {small_dataset} --order 99 --output runs/n")
    assert "smoothing is 'magic'" in refused(f"ngram fit --data {small_dataset} --smoothing magic --output runs/n")
    (tmp_path / "cut.fa").write_text(">a\nACJT\n")
    assert "'J'" in refused(f"score {model} cut.fa --output scores.tsv")
    assert "needs --per-base" in refused(f"score {model} cut.fa --output scores.tsv --plot genes.png")
    assert "also the input" in refused(f"score {model} cut.fa --output cut.fa")
    assert "missing.fa" in refused(f"score {model} missing.fa --output scores.tsv")
    os.mkfifo("pipe")
    assert "is a device or a pipe" in refused(f"score {model} cut.fa --output pipe")
    assert "'X'" in refused(f"generate {model} --prompt ATX --output genes.fa")
    assert "is a folder" in refused(f"evaluate {model} --data {small_dataset} --output runs")
    assert "no task" in refused(f"evaluate {model} --data {small_dataset} --task magic --output r.json")
    assert "manifest.json" in refused(f"evaluate {model} --data {tmp_path} --output r.json")
    assert "USER/NAME" in refused(f"push {model} --repo nobody --dry-run hub")
    tokenizer = tmp_path / model / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace('"A": 4', '"Q": 4'))
    (tmp_path / "one.fa").write_text(">a\nACGT\n")
    for line in (
        f"score {model} one.fa --output scores.tsv",
        f"evaluate {model} --data {small_dataset} --output r.json",
    ):
        assert "cannot spell genes" in refused(line)
    (tmp_path / model / "model.safetensors").unlink()
    assert "no weights" in refused(f"evaluate {model} --data {small_dataset} --output r.json")
    assert "is more than --max-new-tokens 5" in refused(
        f"generate {model} --min-new-tokens 9 --max-new-tokens 5 --output genes.fa"
    )
    assert "is that of a dataset" in refused(f"evaluate {small_dataset} --data {model} --output r.json")
    assert "There is no folder ../nowhere;" in refused(f"evaluate ../nowhere --data {small_dataset} --output r.json")
    assert "needs --validation-chromosome and --test-chromosome" in refused(
        "data build --source simulated --split chromosome --output data/x"
    )
    assert "is to be a folder" in refused(f"baselines --data {small_dataset} --output r.json")
    (tmp_path / "run" / "checkpoint-00000012").mkdir(parents=True)
    assert "the model of its training is run" in refused("score run/checkpoint-00000012 one.fa --output s.tsv")
    assert "has kept no model yet" in refused("score run one.fa --output s.tsv")


def test_what_is_printed_of_variants(genelm: Run, model: str, tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(f">chr1\n{'ACGT' * 10}\n")
    refs = {place: "ACGT"[(place - 1) % 4] for place in range(5, 30)}
    rows = [f"chr1\t{place}\t{ref}\t{'ACGT'[place % 3]}\t{place % 5}" for place, ref in refs.items()]
    (tmp_path / "v.tsv").write_text("\n".join(["contig\tposition\tref\talt\teffect", *rows]) + "\n")
    printed = genelm(f"variants {model} --variants v.tsv --reference g.fa --window 20 --output r.json").splitlines()
    n_scored = sum(row.split("\t")[2] != row.split("\t")[3] for row in rows)
    assert f"scored: {n_scored} variants" in printed
    assert f"left out (no_change): {len(rows) - n_scored} variants" in printed
    assert re.fullmatch(rf"spearman: -?\d\.\d{{3}} \(-?\d\.\d{{3}}–-?\d\.\d{{3}}\), {n_scored} variants", printed[0])


def test_variants_do_not_replace_other_files(genelm: Run, refused: Run, model: str, tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_text(f">chr1\n{'ACGT' * 10}\n")
    (tmp_path / "v.tsv").write_text("position\tref\talt\n5\tA\tC\n")
    (tmp_path / "package.json").write_text("{}")
    variants = f"variants {model} --variants v.tsv --reference g.fa --window 20 --output"
    assert "is no results file" in refused(f"{variants} package.json")
    genelm(f"{variants} r.json")
    genelm(f"{variants} r.json")
    assert "of laplace4 on v, windows of 20, one strand, already" in refused(f"{variants} r.json --both-strands")
    (tmp_path / "v.tsv").rename(tmp_path / "v.variants.tsv")
    assert "v.variants.tsv is also the input" in refused(f"{variants.replace('v.tsv', 'v.variants.tsv')} v.json")


def test_an_interruption_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("genelm.dataset.fill_folder", interrupt)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["genelm", "data", "build", "--source", "simulated", "--output", "never"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("genelm: Interrupted; ")
    assert not Path("never").exists()


def test_results_of_another_kind_are_not_replaced(genelm: Run, refused: Run, small_dataset: Path) -> None:
    evaluate = f"evaluate runs/n --data {small_dataset} --output results/n.json"
    genelm(f"ngram fit --data {small_dataset} --smoothing laplace --order 3 --output runs/n")
    genelm(f"{evaluate} --split test")
    genelm(f"{evaluate} --split test")
    assert "has the results of n on small, test, already" in refused(f"{evaluate} --split validation")
    Path("results/n.json").write_text("{}")
    assert "is no results file" in refused(f"{evaluate} --split test")
    Path("results/n.json").unlink()
    genelm(evaluate)
    Path("results/markov1.json").write_text("{}")
    baselines = f"baselines --data {small_dataset} --output results"
    assert "markov1.json is there, but is no results file" in refused(baselines)
    Path("results/markov1.json").unlink()
    genelm(f"{baselines} --order 1")
    assert "has the results of uniform on small, validation, already" in refused(f"{baselines} --split test")
    Path("results/folder.json").mkdir()
    genelm("report results --output report")


def test_an_n_gram_grows(genelm: Run, refused: Run, small_dataset: Path) -> None:
    genelm("data build --source simulated --num-genes 60 --max-length 100 --seed 5 --output data/more")
    genelm(f"ngram fit --data {small_dataset} --output runs/mixture")
    config = json.loads(Path("runs/mixture/config.json").read_text())
    assert (config["order"], config["smoothing"], config["both_strands"]) == (24, "mixture", True)
    before = json.loads(Path("runs/mixture/training_record.json").read_text())
    genelm(f"ngram add runs/mixture --data data/more --validation {small_dataset} --output runs/larger")
    record = json.loads(Path("runs/larger/training_record.json").read_text())
    more = json.loads(Path("data/more/manifest.json").read_text())
    assert record["dataset"]["genes"] == before["dataset"]["genes"] + more["splits"]["train"]["genes"]
    assert record["dataset"]["name"] == f"small + {more['name']}"
    assert record["dataset"]["fingerprint"] not in (before["dataset"]["fingerprint"], more["fingerprint"])
    assert record["config"]["model"] == before["config"]["model"]
    for model, data in (("mixture", small_dataset), ("larger", small_dataset), ("larger", "data/more")):
        add = f"ngram add runs/{model} --data {data} --validation {small_dataset} --output runs/twice"
        assert "have been counted into" in refused(add)
    for name in ("mixture", "larger"):
        genelm(f"evaluate runs/{name} --data {small_dataset} --split test --output results/{name}.json")
    genelm("generate runs/larger --num 3 --prompt ATG --max-new-tokens 20 --output genes.fa")
    genelm("push runs/larger --repo USER/larger --dry-run hub")
    card = Path("hub/README.md").read_text()
    assert "copies of training genes" in card
    assert "**It was trained on simulated genes**" in card
    assert (Path("hub") / "ngram_scan.py").is_file()


def test_no_gene_is_counted_twice_and_none_that_is_counted_fits_weights(
    genelm: Run, refused: Run, small_dataset: Path
) -> None:
    genes = [gene for split in ("train", "validation", "test") for gene in load_split(small_dataset, split)]
    complement = str.maketrans("ACGT", "TGCA")
    for name, some in (
        ("all", [gene["sequence"] for gene in genes]),
        ("reversed", [gene["sequence"][::-1].translate(complement) for gene in genes]),
        ("held_out", [gene["sequence"] for gene in load_split(small_dataset, "validation")]),
    ):
        lines = "".join(f">{name}_{number}\n{sequence}\n" for number, sequence in enumerate(some))
        Path(f"{name}.fa").write_text(lines)
    genelm("data build --source fasta --input all.fa --seed 5 --output data/again")
    genelm("data build --source fasta --input reversed.fa --seed 6 --output data/reversed")
    genelm("data build --source fasta --input held_out.fa --output data/held_out")
    genelm("data build --source simulated --num-genes 60 --max-length 100 --seed 5 --output data/more")
    genelm(f"ngram fit --data {small_dataset} --output runs/mixture")
    known = {gene["sequence"] for gene in load_split(small_dataset, "train")}
    validated = {gene["sequence"] for gene in load_split(small_dataset, "validation")}
    for data in ("again", "reversed"):
        new = load_split(Path("data", data), "train")["sequence"]
        if data == "reversed":
            new = [sequence[::-1].translate(complement) for sequence in new]
        added = [sequence for sequence in new if sequence not in known | validated]
        said = genelm(f"ngram add runs/mixture --data data/{data} --validation {small_dataset} --output runs/more")
        left_out = (len(new) - len(added), len(new), sum(sequence in known for sequence in new))
        assert "{} of {} genes are left out, {} that have been counted".format(*left_out) in said
        assert added
        bases = sum(map(len, added)) + sum(map(len, known))
        assert f"{bases:,} bases counted in all" in said
    for data, validation, found in (
        (
            "more",
            "data/again",
            r"Validation gene all_\d+ of data/again is among the genes that runs/mixture has counted",
        ),
        ("held_out", small_dataset, r"No training gene of data/held_out is new"),
    ):
        add = f"ngram add runs/mixture --data data/{data} --validation {validation} --output runs/twice"
        assert re.search(found, refused(add))


def test_n_grams_that_cannot_be_fitted(refused: Run, small_dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "no_validation"
    shutil.copytree(small_dataset, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["splits"]["validation"]["genes"] = 0
    (copy / "manifest.json").write_text(json.dumps(manifest))
    message = refused(f"ngram fit --data {copy} --output runs/n")
    assert "no validation genes, on which 'mixture' fits its weights" in message
    assert "--smoothing laplace" in message
    fit = f"ngram fit --data {small_dataset} --output runs/n"
    assert "both_strands is for interpolated" in refused(f"{fit} --smoothing laplace --both-strands")
    assert "from 2 to 24" in refused(f"{fit} --order 25")
    assert "nothing-here" in refused(f"ngram add nothing-here --data {small_dataset} --output runs/n")


def test_genes_are_counted_into_n_grams_alone(refused: Run, small_dataset: Path, tmp_path: Path) -> None:
    save_model_folder(tmp_path / "rnn", GeneRNNForCausalLM(GeneRNNConfig(hidden_size=8)), load_tokenizer(), {})
    assert "holds a gene_rnn" in refused(f"ngram add rnn --data {small_dataset} --output runs/n")


def commands(command: Any = None, name: str = "") -> dict[str, Any]:
    """Give genelm and every command below it, each by its name."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", {})
    return {name: command} | {
        full: one for word, sub in below.items() for full, one in commands(sub, f"{name} {word}".strip()).items()
    }


@pytest.mark.parametrize("name", commands())
def test_an_option_that_takes_one_value_is_given_once(name: str) -> None:
    def words(option: Any, value: str) -> list[str]:
        names = option.opts[:1] if option.opts[0].startswith("--") else []
        return names if names and option.is_flag else names + [value] * max(1, option.nargs)

    command = commands()[name]
    for option in command.params:
        needed = [word for one in command.params if one.required and one is not option for word in words(one, "20")]
        twice = [*needed, *words(option, "30"), *(getattr(option, "secondary_opts", 0) or words(option, "40"))]
        if not option.opts[0].startswith("--") or option.name in ("help", "show_version"):
            continue
        if option.multiple:
            assert len(command.make_context(name, twice).params[option.name]) == 2
        elif option.secondary_opts:
            with pytest.raises(InputError, match=f"^{option.opts[0]} and {option.secondary_opts[0]} contradict each"):
                command.make_context(name, twice)
        elif not option.is_flag:
            with pytest.raises(
                InputError, match=rf"^{option.opts[0]} is given 2 times, as [30 ]+ and [40 ]+, but take"
            ):
                command.make_context(name, twice)


def test_what_is_given_twice_is_named(refused: Run) -> None:
    once = "but takes one value; give it once."
    build = "data build genes.csv --output data/genes"
    assert refused(f"{build} --seed 1 --seed=2 --seed 1") == f"genelm: --seed is given 3 times, as 1, 2 and 1, {once}"
    twice = "--column sequence is given 2 times, as dna and rna"
    assert refused(f"{build} --column sequence=dna --column sequence=rna") == f"genelm: {twice}, {once}"


@pytest.mark.parametrize("name", commands())
def test_help_says_what_every_option_is_without(name: str, genelm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # no text is broken
    monkeypatch.setenv("TERMINAL_WIDTH", "1000")
    said = genelm(f"{name} --help")
    command = commands()[name]
    for word in getattr(command, "commands", {}):
        assert f" {word} " in said
    written = inspect.signature(command.callback).parameters if command.callback else {}
    for option in command.params:
        if not option.opts[0].startswith("--"):
            continue
        (row,) = [line for line in said.splitlines() if re.match(rf"│[ *]+{option.opts[0]} ", line)]
        default = written[option.name].default if option.name in written else None
        if default is True or default is False:
            default = option.secondary_opts[0][2:] if option.secondary_opts else None
        elif isinstance(default, tuple):
            default = ", ".join(map(str, default))
        if default not in (None, "", inspect.Parameter.empty):
            assert f"[default: {default}]" in row
        if option.name in DEFAULTS.get(name, {}):
            assert f"[default: {DEFAULTS[name][option.name]}]" in row
