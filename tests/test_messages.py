"""What is said on the way: by commands as much as was asked for, from Python nothing."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from genelm.cli.main import app
from genelm.storage import set_verbosity, show_messages, take_verbosity

ROOT = Path(__file__).parent.parent


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The logger of genelm as it is when nothing has been asked for yet."""
    found = logging.getLogger("genelm")
    monkeypatch.setattr(found, "handlers", [])
    monkeypatch.setattr(found, "propagate", True)
    for name in ("GENELM_LOG_LEVEL", "TQDM_DISABLE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    yield found
    found.setLevel(logging.NOTSET)
    for name in ("GENELM_LOG_LEVEL", "TQDM_DISABLE"):
        os.environ.pop(name, None)


def _say(logger: logging.Logger) -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logger.getChild("training").log(level, "at %s", logging.getLevelName(level).lower())


@pytest.mark.parametrize(
    ("asked", "out", "err"),
    [
        (None, "at info\n", "at warning\n"),
        ("WARNING", "", "at warning\n"),
        ("DEBUG", "at debug\nat info\n", "at warning\n"),
    ],
)
def test_a_command_says_as_much_as_was_asked_for(
    asked: str | None, out: str, err: str, logger: logging.Logger, capsys: pytest.CaptureFixture
) -> None:
    if asked is not None:
        set_verbosity(asked)
    show_messages()
    show_messages()  # says nothing twice
    _say(logger)
    assert capsys.readouterr() == (out, err)


def test_of_several_processes_the_first_speaks(
    logger: logging.Logger, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    show_messages()
    _say(logger)
    assert capsys.readouterr() == ("", "")


def test_flags_may_stand_anywhere_in_a_command_line(logger: logging.Logger) -> None:
    assert take_verbosity(["--data", "d", "--quiet", "--output_dir", "r"]) == ["--data", "d", "--output_dir", "r"]
    assert os.environ["GENELM_LOG_LEVEL"] == "WARNING"
    assert take_verbosity(["--data", "d"]) == ["--data", "d"]


TRAIN = (
    "genelm.train(data={data!r}, output_dir={folder!r}, max_steps=2, eval_steps=1, warmup_steps=0, "
    "use_cpu=True, report_to='none', "
    "model={{'model_type': 'gene_rnn', 'embedding_size': 4, 'hidden_size': 8}})"
)


ASKED = "import logging; logging.basicConfig(level='INFO');"


@pytest.mark.parametrize(("before", "spoken"), [("", False), (ASKED, True)])
def test_from_python_nothing_is_said_unless_it_is_asked_for(
    before: str, spoken: bool, small_dataset: Path, tmp_path: Path
) -> None:
    call = TRAIN.format(data=str(small_dataset), folder=str(tmp_path / "run"))
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\nimport genelm\n{call}"],
        capture_output=True,
        text=True,
        env={**os.environ, "TQDM_DISABLE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert ("bits/base on validation" in done.stdout + done.stderr) == spoken


def test_quiet_commands_show_results_and_no_bars(
    small_dataset: Path, tmp_path: Path, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done

    monkeypatch.chdir(tmp_path)
    fit = ["ngram", "fit", "--data", str(small_dataset), "--smoothing", "laplace", "--output"]
    loud, quiet = run(*fit, "loud"), run("--quiet", *fit, "quiet")
    assert "counting" in loud.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == loud.stdout.replace("loud", "quiet")
    evaluate = ["evaluate", "loud", "--data", str(small_dataset), "--output", "r.json"]
    assert "measuring perplexity" in run("--verbose", *evaluate).stdout
