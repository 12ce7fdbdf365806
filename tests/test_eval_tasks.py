"""The seam for tasks: a task of one's own, from outside the package, in every place where tasks are shown."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from evaluated_genes import measurement, results_of
from typer.testing import CliRunner

import genelm
from genelm.cli.main import app
from genelm.eval import TASKS, Measurement, Results, Task, TaskInput, reports_of, resolve_tasks, write_report
from genelm.model_cards import render_model_card
from genelm.storage import InputError

OWN = """
from genelm import Task


class StartCodons(Task):
    name, version = "start_codons", 1
    title = "Genes that begin with ATG"

    def check(self, given):
        super().check(given)
        if not any(gene.startswith("ATG") for gene in given.genes.sequences):
            given.notes.append("No gene begins with ATG.")

    def measure(self, given):
        costs = given.gene_scores.base_nats / given.gene_scores.n_bases
        for start in "ACGT":
            chosen = [gene.startswith(start) for gene in given.genes.sequences]
            n_bases = int(given.gene_scores.n_bases[chosen].sum())
            value = float(costs[chosen].mean())
            yield self.measurement(
                "nats_per_base", value, group="start", stratum=start, n_genes=sum(chosen), n_bases=n_bases
            )
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a file of one task, which is the current directory."""
    (tmp_path / "my_tasks.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("my_tasks", None)
    sys.path[:] = [path for path in sys.path if path != str(tmp_path)]


def test_a_task_in_a_file_of_ones_own_is_evaluated_reported_and_on_the_card(own: Path, small_dataset: Path) -> None:
    genelm.fit_ngram(small_dataset, smoothing="laplace", order=3).save("trigram")
    task = "my_tasks:StartCodons"
    for arguments in (
        ["evaluate", "trigram", "--data", str(small_dataset), "--task", task, "--output", "results/trigram.json"],
        ["report", "results/trigram.json", "--task", task, "--output", "report"],
        ["report", "results/trigram.json", "--output", "plain"],
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    results = Results.load("results/trigram.json")
    assert [row.stratum for row in results.of("start_codons")] == list("ACGT")
    for folder, title in (("report", "Genes that begin with ATG"), ("plain", "Start codons")):
        page = Path(folder, "report.md").read_text()
        assert f"## {title}\n" in page
        assert "| Genes | Nats per base | Number of genes | Bases |" in page
    card = render_model_card(own / "trigram", [results])
    assert "Start codons:\n\n| Genes | Nats per base |" in card


def test_a_task_is_given_to_python_as_an_object(small_dataset: Path) -> None:
    class Lengths(Task):
        name, version = "lengths", 3

        def measure(self, given: TaskInput) -> Iterator[Measurement]:
            lengths = given.genes.lengths
            yield self.measurement("longest", max(lengths), n_genes=len(lengths), n_bases=sum(lengths))

    model = genelm.fit_ngram(small_dataset, smoothing="laplace", order=2)
    results = genelm.evaluate(model, small_dataset, tasks=["perplexity", Lengths()])
    row = results.find(task="lengths", metric="longest")
    assert row is not None
    assert (row.task_version, row.value) == (3, max(map(len, given_sequences(small_dataset))))
    assert [one.name for one in reports_of([results])] == ["perplexity", "lengths"]


def given_sequences(dataset: Path) -> list[str]:
    from genelm.dataset_scripts import load_split

    return list(load_split(dataset, "validation")["sequence"])


def test_versions_of_a_task_that_nobody_knows_are_not_laid_side_by_side(tmp_path: Path) -> None:
    one, other = (
        results_of([measurement(task="magic", task_version=version)], name=f"m{version}") for version in (1, 2)
    )
    with pytest.raises(InputError, match=r"differ in version of the task magic \(1; 2\)"):
        write_report([one, other], tmp_path, reports_of([one, other]))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("magic", r"no task 'magic'; the tasks are perplexity, .*, and MODULE:CLASS names one of your own"),
        ("no_such_module:Task", r"cannot be loaded \(No module named 'no_such_module'\)"),
        ("my_tasks:Nothing", r"cannot be loaded \(module 'my_tasks' has no attribute 'Nothing'\)"),
        ("pathlib:Path", r"pathlib:Path is no task; derive it from genelm\.Task"),
    ],
)
def test_what_is_no_task_is_refused(own: Path, task: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_tasks([task])


def test_tasks_run_in_one_order_whatever_was_asked_for() -> None:
    asked = ["probing", "edits", "perplexity", "edits"]
    assert [task.name for task in resolve_tasks(asked)] == ["perplexity", "edits", "probing"]


def test_the_help_says_of_every_task_what_it_measures() -> None:
    for command in ("evaluate", "baselines"):
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "1000", "TERMINAL_WIDTH": "1000"}).output
        for name, task in TASKS.items():
            assert f"{name} ({task.summary.replace(' (--pairs)', '')}" in shown
