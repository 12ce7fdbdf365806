"""Options of training: file and command line, and clear refusals before anything is read or written."""

import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.utils import LoggerType
from training_runs import ROOT, arguments

from genelm.modeling import read_record
from genelm.storage import InputError
from genelm.training import build_model, options, parse_config, train
from genelm.training.options import TrainingConfig, check_config


def test_numbers_need_no_point(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("model: {model_type: gpt2, layer_norm_epsilon: 1e-6, initializer_range: 2e-2}\n")
    more = "--data d --output_dir o --model.initializer_range 3E-2"
    section = parse_config(["--config", str(file), *more.split()], None)[1]
    assert section == {"model_type": "gpt2", "layer_norm_epsilon": 1e-6, "initializer_range": 0.03}


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_describes_a_model(path: Path) -> None:
    config, section = parse_config(["--config", str(path), "--data", "d", "--output_dir", "o"], None)
    assert config.data == "d"
    assert build_model(section).num_parameters() > 10_000


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("seed: 1\nlearning_rate: 1e-4\nappend_eos: false\nmodel: {model_type: gene_rnn, hidden_size: 8}\n")
    more = "--seed 2 --data d --output_dir o --model.hidden_size 16"
    config, section = parse_config(["--config", str(file), *more.split()], None)
    assert (config.seed, config.learning_rate, config.append_eos) == (2, 1e-4, False)
    assert section == {"model_type": "gene_rnn", "hidden_size": 16}
    assert parse_config(["--config", str(file), *more.replace("size 16", "size=32").split()], None)[1] == {
        "model_type": "gene_rnn",
        "hidden_size": 32,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("learning_rat: 1", "unknown key 'learning_rat'; did you mean 'learning_rate'"),
        ("model: {model_type: gpt2, n_embed: 8}", "unknown key 'n_embed' for model_type gpt2; did you mean 'n_embd'"),
        ("model: {model_type: gtp2}", "model_type is 'gtp2'; expected .* gpt2"),
        ("model: {model_type: bert-generation-encoder}", "expected gene_rnn"),
        ("model: {model_type: gene_rnn, dropout: 2.0}", "dropout is 2.0"),
        ("model: {model_type: gene_rnn, hidden_size: wide}", "hidden_size"),
        ("model: {model_type: gpt2, n_embd: 10, n_head: 3}", "does not describe a gpt2"),
        ("model: {model_type: gene_ngram}", "genelm ngram fit"),
        ("model: [1]", "not a list of options"),
        ("- 1", "not a list of options"),
        ("a: [", "cannot be read as YAML"),
        ("seed: 1\nmodel: {model_type: gpt2}\nseed: 2", "as YAML: seed is in line 1 and in line 3; give it once"),
        ("model: {model_type: gpt2, model_type: gene_rnn}", "as YAML: model_type is in line 1 and in line 1"),
        ("model: {model_type: bert, hidden_size: 12, num_attention_heads: 2}", "sees the bases it is to predict"),
        (
            "model: {model_type: bert, hidden_size: 16, num_attention_heads: 2, initializer_range: 0.001}",
            "sees the bases it is to predict",
        ),
        ("model: {model_type: [gpt2]}", "expected gene_rnn"),
        (
            "model: {model_type: llama, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2,"
            " num_key_value_heads: 2, intermediate_size: 8, attention_dropout: 2}",
            "cannot read a gene: .*dropout",
        ),
        ("model: {model_type: gpt2, 1: 2}", "unknown key '1'"),
        ("model: {model_type: gpt2, vocab_size: 9}", "sets vocab_size, which follows from the vocabulary"),
    ],
)
def test_a_config_that_cannot_work_is_refused(content: str, message: str, small_dataset: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    output = tmp_path / "run"
    with pytest.raises(InputError, match=message):
        train(["--config", str(file), "--data", str(small_dataset), "--output_dir", str(output)])
    assert not output.exists()


def test_other_refusals_leave_nothing_behind(small_dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    for more, message in (
        ("--resume_from_checkpoint latest", "has no checkpoint"),
        (f"--resume_from_checkpoint {tmp_path}", "is not a checkpoint"),
        ("--config missing.yaml", "missing.yaml"),
    ):
        with pytest.raises(InputError, match=message):
            train(arguments(small_dataset, output, "lstm", more))
    with pytest.raises(InputError, match="bases, but this gpt2 reads at most 31"):
        train(arguments(small_dataset, output, "gpt2", "--model.n_positions 32"))
    with pytest.raises(InputError, match=r"manifest\.json"):
        train(arguments(tmp_path, output))
    assert not output.exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--report_to magic", "magic is not known here; choose one of none, .*tensorboard, .*trackio"),
        ("--mixed_precision fp3", "choose one of auto, no, bf16, fp16"),
        ("--mixed_precision fp16", "A CPU does not train in fp16"),
        ("--train_fraction 0", "give more than 0"),
        ("--warmup_steps 13", "Warm-up takes 13 steps, but the whole training only 12"),
        ("--lr_scheduler_type magic", "choose one of constant"),
        ("--train_batch_genes 0", "--train_batch_genes 0 is too small; give 1 or more"),
        ("--eval_steps 0", "too small"),
        ("--early_stopping_patience 0", "too small"),
        ("--seed -1", "too small"),
        ("--seed 100000000000000000000", "too large"),
        ("--lr_scheduler_type polynomial --learning_rate 0", "polynomial cannot start from --learning_rate 0"),
        ("--model.num_hidden_layers -1", "num_hidden_layers: -1; give 0 or more"),
        ("--cpu_threads 100000", "more than there are"),
        ("--adam_beta2 1", "--adam_beta2 1.0 is no decay; give 0 or more, and less than 1"),
        ("--model.hidden_size [", "not YAML"),
        ("--model.hidden_size", "--model.hidden_size has no value"),
        ("--model.hidden_size --model.num_hidden_layers 2", "--model.hidden_size has no value"),
        ("--no_append_eo", "did you mean --no_append_eos"),
        ("--max_step 5", "There is no option --max_step; did you mean --max_steps"),
        ("runs/lstm", "There is no option runs/lstm; see train.py --help"),
    ],
)
def test_unknown_names_and_impossible_numbers_are_refused(
    more: str, message: str, small_dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("tracker", "package"),
    [
        ("aim", "'aim<4'"),
        ("clearml", "clearml"),
        ("comet_ml", "comet-ml"),
        ("dvclive", "dvclive"),
        ("mlflow", "mlflow"),
        ("swanlab", "swanlab"),
        ("tensorboard", "tensorboard"),
        ("trackio", "trackio"),
        ("wandb", "wandb"),
    ],
)
def test_a_tracker_that_is_not_installed_is_told_with_its_package_by_the_first_process_alone(
    tracker: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "get_available_trackers", lambda: [])
    config = TrainingConfig(data="d", output_dir="o", report_to=tracker)
    for rank in (None, "0"):
        if rank is not None:
            monkeypatch.setenv("RANK", rank)
        with pytest.raises(InputError) as refused:
            check_config(config)
        assert str(refused.value) == (
            f"--report_to {tracker} needs a package that is not installed; `pip install {package}`, or choose one of "
            "none."
        )
    monkeypatch.setenv("RANK", "1")
    check_config(config)
    monkeypatch.setattr(options, "get_available_trackers", lambda: [LoggerType(tracker)])
    monkeypatch.setenv("RANK", "0")
    check_config(config)


def test_every_tracker_of_accelerate_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "get_available_trackers", lambda: [])
    for tracker in sorted({*LoggerType.list()} - {"all"}):
        with pytest.raises(InputError, match="pip install"):
            check_config(TrainingConfig(data="d", output_dir="o", report_to=tracker))


@pytest.mark.parametrize("more", ["--model.n_head 0", "--model.n_embd -4", "--model.activation_function gelu_tanh"])
def test_a_model_that_cannot_be_built_is_refused(more: str, small_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The model section does not describe a gpt2"):
        train(arguments(small_dataset, tmp_path / "run", "gpt2", more))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--seed 1 --seed=2", "--seed is given 2 times, as 1 and 2, but takes one value; give it once"),
        ("--max_steps 1 --max-steps 2 --max_steps 3", "--max_steps is given 3 times, as 1, 2 and 3,"),
        ("--append_eos false --append_eos", "--append_eos is given 2 times, as false and True,"),
        ("--append_eos true --no_append_eos", "--append_eos is given 2 times, as true and --no_append_eos,"),
        ("--config a.yaml --config b.yaml", "--config is given 2 times, as a.yaml and b.yaml,"),
        ("--model.n_embd 8 --model.n_embd=16", "--model.n_embd is given 2 times, as 8 and 16,"),
    ],
)
def test_an_option_given_twice_is_refused(
    more: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text("seed: 1\n")
    with pytest.raises(InputError, match=message):
        parse_config(["--data", "d", "--output_dir", "o", *more.split()], None)


def test_help_says_what_is_required_and_what_turns_off(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_config(["--help"], "What it does.")
    said = " ".join(capsys.readouterr().out.split())
    assert "--data DATA Folder that `genelm data build` wrote. Required." in said
    assert "--no-append-eos Turns --append_eos off." in said
    assert "(default: None)" not in said


def test_the_no_of_yaml_is_no(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mixed_precision: no")
    options = ["--config", str(tmp_path / "config.yaml"), "--data", "d", "--output_dir", "run"]
    assert parse_config(options, None)[0].mixed_precision == "no"


def test_a_constant_rate_rises_to_it_where_that_is_asked_for(small_dataset: Path, tmp_path: Path) -> None:
    more = "--lr_scheduler_type constant --warmup_steps 6 --learning_rate 0.006 --logging_steps 1"
    train(arguments(small_dataset, tmp_path / "run", "lstm", more))
    rates = [entry["learning_rate"] for entry in read_record(tmp_path / "run")["curve"]]
    assert rates == pytest.approx([0.001 * min(step, 6) for step in range(1, 13)])


def test_a_refusal_is_one_sentence_and_an_exit_status(small_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("learning_rat: 1")
    options = ["--config", str(tmp_path / "config.yaml"), "--data", str(small_dataset), "--output_dir", "run"]
    done = subprocess.run([sys.executable, ROOT / "train.py", *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f"train.py: The config {tmp_path / 'config.yaml'} has an unknown key 'learning_rat'; "
        "did you mean 'learning_rate'?\n"
    )
    assert not (tmp_path / "run").exists()


def test_help_teaches() -> None:
    done = subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    for words in ("accelerate launch train.py", "--gradient_accumulation_steps", "saves memory", "--model.NAME"):
        assert words in " ".join(done.stdout.split())
