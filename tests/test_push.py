"""Publishing: what is uploaded, to whom it belongs, and that it loads from there by the repository's name."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evaluated_genes
import pytest
import torch
from hub_stand_in import TOKEN, Commit, HubStandIn, Repository
from huggingface_hub import HfApi, ModelCard, file_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedModel

from genelm.eval import Results, read_results
from genelm.model_cards import publish
from genelm.model_cards.cards import version_tag
from genelm.modeling import (
    GeneNGramConfig,
    GeneNGramForCausalLM,
    GeneRNNConfig,
    GeneRNNForCausalLM,
    load_model_folder,
    model_fingerprint,
    resolve_model_folder,
    save_model_folder,
)
from genelm.storage import InputError, ServerError
from genelm.tokenization import load_tokenizer

SPECIAL = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
PROMPT = "ATGGCCNNAC"

LOAD_BY_NAME = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
seen = {}
for repo_id, options in json.loads(sys.argv[1]).items():
    tokenizer = AutoTokenizer.from_pretrained(repo_id, **options)
    model = AutoModelForCausalLM.from_pretrained(repo_id, **options)
    logits = model(**tokenizer(sys.argv[2], return_tensors="pt")).logits
    generator = pipeline("text-generation", model=repo_id, **options)
    text = generator(sys.argv[2], max_new_tokens=20)[0]["generated_text"]
    seen[repo_id] = {"logits": logits.tolist(), "text": text}
assert not any(name.split(".")[0] == "genelm" for name in sys.modules)
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubStandIn]:
    with HubStandIn() as running, pytest.MonkeyPatch.context() as patch:
        # Xet is another protocol, with servers of its own; without it the client uses git LFS.
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        # What HF_ENDPOINT does when huggingface_hub is imported; nothing may ask the real Hub.
        patch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        if hasattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE"):  # huggingface_hub before 1.0 has a copy
            patch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield running
        assert running.unknown_requests == []


@pytest.fixture(scope="module")
def api(hub: HubStandIn) -> HfApi:
    return HfApi(endpoint=hub.url, token=TOKEN)


def save(folder: Path, model: PreTrainedModel) -> Path:
    save_model_folder(folder, model, load_tokenizer(), {"command": "a test", "seed": 0})
    return folder


def tiny_gpt2(seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=64, n_embd=8, n_layer=1, n_head=2, **SPECIAL))


def tiny_rnn() -> PreTrainedModel:
    torch.manual_seed(0)
    return GeneRNNForCausalLM(GeneRNNConfig(embedding_size=4, hidden_size=6))


def tiny_ngram() -> PreTrainedModel:
    return GeneNGramForCausalLM(GeneNGramConfig(order=3))


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    return save(tmp_path / "run", tiny_gpt2())


def results_of(folder: Path, dataset: str = "small_genes", value: float = 1.5) -> Results:
    return evaluated_genes.results_of(
        [evaluated_genes.measurement(value=value)],
        name="run",
        model_type="gpt2",
        model_fingerprint=model_fingerprint(folder),
        dataset=dataset,
    )


def files_in(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def pushed(hub: HubStandIn, api: HfApi, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model of each family, pushed: repository name -> the folder it came from."""
    folders = {}
    for model in (tiny_gpt2(), tiny_rnn(), tiny_ngram()):
        repo_id = f"tester/{model.config.model_type.replace('_', '-')}"
        folders[repo_id] = save(tmp_path_factory.mktemp("runs") / "run", model)
        assert publish(folders[repo_id], repo_id, [], api=api) == f"{hub.url}/{repo_id}"
    return folders


@pytest.fixture(scope="module")
def loaded_by_name(
    hub: HubStandIn, pushed: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What another process gets that knows the names, the Hub's address and not genelm."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    # The address of the Hub is read when huggingface_hub is imported.
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(elsewhere), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    # As the card says it.
    options = {
        repo_id: {"revision": version_tag(folder)} | ({"trust_remote_code": True} if "gene" in repo_id else {})
        for repo_id, folder in pushed.items()
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD_BY_NAME, json.dumps(options), PROMPT],
        env=os.environ | settings,
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "A new version" not in done.stderr, "transformers warns of each file of code that nobody pinned"
    return json.loads(done.stdout)


@pytest.mark.parametrize("repo_id", ["tester/gpt2", "tester/gene-rnn", "tester/gene-ngram"])
def test_a_pushed_model_loads_by_its_name_with_equal_logits(
    repo_id: str, pushed: dict[str, Path], loaded_by_name: dict[str, dict[str, Any]]
) -> None:
    model = AutoModelForCausalLM.from_pretrained(pushed[repo_id])
    here = model(**load_tokenizer()(PROMPT, return_tensors="pt")).logits
    assert loaded_by_name[repo_id]["logits"] == here.tolist()
    assert loaded_by_name[repo_id]["text"].startswith(PROMPT)
    assert set(loaded_by_name[repo_id]["text"][len(PROMPT) :]) <= set("ACGT")


CONFIGURATION_OF_OTHERS = """
from transformers import GPT2Config
class TheirConfig(GPT2Config):
    model_type = "their_dna"
"""
MODELING_OF_OTHERS = """
from transformers import GPT2LMHeadModel
from .configuration_theirs import TheirConfig
class TheirModel(GPT2LMHeadModel):
    config_class = TheirConfig
"""
TOKENIZATION_OF_OTHERS = """
from transformers import PreTrainedTokenizer
class TheirTokenizer(PreTrainedTokenizer):
    vocab_files_names = {"vocab_file": "vocab.txt"}
    def __init__(self, vocab_file, **options):
        with open(vocab_file) as file:
            self.ids = {token: number for number, token in enumerate(file.read().split())}
        super().__init__(**options)
    @property
    def vocab_size(self):
        return len(self.ids)
    def get_vocab(self):
        return dict(self.ids)
    def _tokenize(self, text):
        return [*text]
    def _convert_token_to_id(self, token):
        return self.ids[token]
    def _convert_id_to_token(self, number):
        return [*self.ids][number]
"""


def of_others(folder: Path) -> Path:
    """Write a model with code of its own, a vocabulary beside its tokenizer, and weights in several files."""
    model = tiny_gpt2()
    model.save_pretrained(folder, max_shard_size="1KB")
    config = json.loads((folder / "config.json").read_text())
    code = {"AutoConfig": "configuration_theirs.TheirConfig", "AutoModelForCausalLM": "modeling_theirs.TheirModel"}
    config |= {"model_type": "their_dna", "architectures": ["TheirModel"], "auto_map": code}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = {"auto_map": {"AutoTokenizer": ["tokenization_theirs.TheirTokenizer", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "TheirTokenizer"} | tokenizer))
    (folder / "vocab.txt").write_text("N\nA\nC\nG\nT\n")
    (folder / "configuration_theirs.py").write_text(CONFIGURATION_OF_OTHERS)
    (folder / "modeling_theirs.py").write_text(MODELING_OF_OTHERS)
    (folder / "tokenization_theirs.py").write_text(TOKENIZATION_OF_OTHERS)
    assert (folder / "model.safetensors.index.json").is_file()
    return folder


@pytest.mark.parametrize("whose", ["gpt2", "gene_rnn", "of others"])
def test_of_a_repository_only_what_a_model_needs_is_downloaded(
    whose: str, hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if whose == "of others":
        there = of_others(tmp_path / "run")
    else:
        there = save(tmp_path / "run", tiny_gpt2() if whose == "gpt2" else tiny_rnn())
    needed = files_in(there)
    others = (
        "README.md",
        "pytorch_model.bin",
        "tf_model.h5",
        "flax_model.msgpack",
        "model.gguf",
        "genes.csv",
        "genes.parquet",
        "onnx/model.onnx",
        "onnx/config.json",
        "fp16/model.safetensors",
        "code/more.py",
    )
    repo_id = f"tester/whole-{whose.replace(' ', '-')}"
    files = needed | dict.fromkeys(others, b"not needed")
    hub.repositories[repo_id] = Repository(private=False, commits=[Commit("a model", "", files)])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    folder = resolve_model_folder(repo_id)
    assert files_in(folder) == needed
    model, tokenizer = load_model_folder(folder, trust_remote_code=whose == "of others")
    assert type(model).__name__ == {"gpt2": "GPT2LMHeadModel", "gene_rnn": "GeneRNNForCausalLM"}.get(
        whose, "TheirModel"
    )
    expected = (tiny_rnn() if whose == "gene_rnn" else tiny_gpt2()).eval()
    inputs = tokenizer("ACGT", return_tensors="pt")
    assert torch.equal(model(**inputs).logits, expected(**inputs).logits)


def test_the_stand_in_answers_the_client_as_the_hub_does(
    hub: HubStandIn, api: HfApi, tmp_path: Path, gpt2: Path
) -> None:
    publish(gpt2, "tester/history", [], api=api)
    first = api.model_info("tester/history").sha
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="tester/history")
    assert api.whoami()["name"] == "tester"
    assert [commit.commit_id for commit in api.list_repo_commits("tester/history")][1] == first
    old = api.hf_hub_download("tester/history", "config.json", revision=first, cache_dir=tmp_path)
    new = api.hf_hub_download("tester/history", "config.json", cache_dir=tmp_path)
    assert Path(old).read_bytes() == (gpt2 / "config.json").read_bytes()
    assert Path(new).read_bytes() == b"{}"
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("tester/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("tester/history", revision="0" * 40)
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download("tester/history", "nothing.json", cache_dir=tmp_path)
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree("tester/history", "nothing"))
    with pytest.raises(ValueError, match="Invalid metadata in README"):
        api.upload_file(path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md", repo_id="tester/history")


def test_only_what_belongs_to_the_model_is_uploaded(hub: HubStandIn, api: HfApi, gpt2: Path) -> None:
    (gpt2 / "checkpoints" / "step_10").mkdir(parents=True)
    (gpt2 / "checkpoints" / "step_10" / "model.safetensors").write_bytes(b"x")
    (gpt2 / "logs").mkdir()
    (gpt2 / "logs" / "events.out").write_bytes(b"x")
    (gpt2 / "optimizer.bin").write_bytes(b"x")
    publish(gpt2, "tester/clean", [results_of(gpt2)], api=api)
    assert set(hub.files("tester/clean")) == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "results/small_genes-test.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_record.json",
    }


def test_a_dry_run_writes_exactly_what_is_uploaded_and_uploads_nothing(
    hub: HubStandIn, api: HfApi, tmp_path: Path
) -> None:
    folder = save(tmp_path / "run", tiny_rnn())
    results = [results_of(folder), results_of(folder), results_of(folder, "other genes", float("inf"))]
    target = tmp_path / "upload"
    assert publish(folder, "tester/dry", results, dry_run=target, api=api) == str(target)
    assert "tester/dry" not in hub.repositories
    publish(folder, "tester/dry", results, api=api)
    assert files_in(target) == hub.files("tester/dry")
    assert {path.stem for path in target.glob("results/*.json")} == {
        "small_genes-test",
        "small_genes-test-2",
        "other-genes-test",
    }
    assert read_results(target / "results" / "other-genes-test.json") == results[2]
    publish(folder, "tester/dry", [], dry_run=target)
    assert not (target / "results").exists()


@pytest.mark.parametrize("there", ["the model itself", "another model", "a project"])
def test_a_dry_run_replaces_nothing_but_a_dry_run(there: str, tmp_path: Path, gpt2: Path) -> None:
    target = gpt2 if there == "the model itself" else tmp_path / "there"
    if there == "another model":
        save(target, tiny_gpt2())
    elif there == "a project":
        target.mkdir()
        (target / "README.md").write_text("# Mine")
        (target / "work.py").write_text("")
    before = files_in(target)
    with pytest.raises(InputError, match="choose a new or empty folder"):
        publish(gpt2, "tester/x", [], dry_run=target)
    assert files_in(target) == before


def test_a_second_push_is_one_commit_of_what_changed(hub: HubStandIn, api: HfApi, tmp_path: Path, gpt2: Path) -> None:
    publish(gpt2, "tester/twice", [results_of(gpt2), results_of(gpt2, "other")], api=api)
    api.upload_file(path_or_fileobj=b"png", path_in_repo="picture.png", repo_id="tester/twice")
    commits = len(hub.repositories["tester/twice"].commits)
    retrained = save(tmp_path / "retrained", tiny_gpt2(seed=1))
    publish(retrained, "tester/twice", [results_of(retrained)], api=api)
    files = hub.files("tester/twice")
    assert len(hub.repositories["tester/twice"].commits) == commits + 1
    assert files["model.safetensors"] == (retrained / "model.safetensors").read_bytes()
    assert "results/small_genes-test.json" in files
    assert "results/other-test.json" not in files, "measured on weights that are gone"
    assert files["picture.png"] == b"png"
    publish(retrained, "tester/twice", [results_of(retrained)], api=api)
    assert len(hub.repositories["tester/twice"].commits) == commits + 1, "nothing had changed"


def test_the_card_on_the_hub_names_the_repository_and_the_results(hub: HubStandIn, api: HfApi, gpt2: Path) -> None:
    publish(gpt2, "tester/carded", [results_of(gpt2)], api=api)
    card = ModelCard(hub.files("tester/carded")["README.md"].decode())
    assert [entry.metric_value for entry in card.data.eval_results] == [1.5]
    assert 'model="tester/carded"' in card.text


def test_a_card_loads_the_very_model_that_it_describes(
    hub: HubStandIn, api: HfApi, tmp_path: Path, gpt2: Path
) -> None:
    publish(gpt2, "tester/tagged", [], api=api)
    card, tag = hub.files("tester/tagged")["README.md"].decode(), version_tag(gpt2)
    assert card.count(f'"tester/tagged", revision="{tag}")') == 3
    publish(gpt2, "tester/tagged", [results_of(gpt2)], api=api)  # the card alone is new
    retrained = save(tmp_path / "retrained", tiny_gpt2(seed=1))
    publish(retrained, "tester/tagged", [], api=api)
    assert f'revision="{version_tag(retrained)}"' in hub.files("tester/tagged")["README.md"].decode()
    for revision, folder in ((tag, gpt2), (version_tag(retrained), retrained), ("main", retrained)):
        got = api.hf_hub_download("tester/tagged", "model.safetensors", revision=revision, cache_dir=tmp_path / "hub")
        assert Path(got).read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_private_push_is_private_and_never_into_a_public_repository(hub: HubStandIn, api: HfApi, gpt2: Path) -> None:
    publish(gpt2, "tester/secret", [], private=True, api=api)
    assert not HfApi(endpoint=hub.url, token=False).repo_exists("tester/secret")
    publish(gpt2, "tester/open", [], api=api)
    with pytest.raises(InputError, match="tester/open exists and is public"):
        publish(gpt2, "tester/open", [], private=True, api=api)


@pytest.mark.parametrize(
    ("repo_id", "token", "sentence"),
    [
        ("tester/new", False, "log in with `hf auth login`"),
        ("tester/new", "hf_wrong", "log in with `hf auth login`"),
        ("somebody/new", TOKEN, "does not let this token write to somebody/new"),
    ],
)
def test_a_push_without_the_right_to_it_says_what_to_do(
    repo_id: str, token: str | bool, sentence: str, hub: HubStandIn, gpt2: Path
) -> None:
    with pytest.raises(ServerError, match=sentence):
        publish(gpt2, repo_id, [], api=HfApi(endpoint=hub.url, token=token))
    assert repo_id not in hub.repositories


def test_a_license_goes_into_the_card_and_has_a_name(hub: HubStandIn, api: HfApi, gpt2: Path) -> None:
    publish(gpt2, "tester/licensed", [], license_name="cc-by-4.0", api=api)
    assert ModelCard(hub.files("tester/licensed")["README.md"].decode()).data.license == "cc-by-4.0"
    with pytest.raises(InputError, match="The license has no name"):
        publish(gpt2, "tester/blank", [], license_name=" ", api=api)


def test_a_hub_that_is_not_there_is_named(gpt2: Path) -> None:
    with pytest.raises(
        ServerError, match=r"The push to tester/x at http://127\.0\.0\.1:9 failed .* check the network"
    ):
        publish(gpt2, "tester/x", [], api=HfApi(endpoint="http://127.0.0.1:9", token=TOKEN))


def test_results_of_other_weights_are_refused(tmp_path: Path, gpt2: Path) -> None:
    results = results_of(save(tmp_path / "other", tiny_gpt2(seed=1)))
    with pytest.raises(InputError, match="were measured on a model with fingerprint"):
        publish(gpt2, "tester/x", [results], dry_run=tmp_path / "upload")
    assert not (tmp_path / "upload").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_is_no_whole_model_is_refused(name: str, tmp_path: Path, gpt2: Path) -> None:
    (gpt2 / name).unlink()
    with pytest.raises(InputError, match=name.replace("model.", r"\*.").replace(".", r"\.")):
        publish(gpt2, "tester/x", [], dry_run=tmp_path / "upload")


def test_a_model_without_its_code_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "run", tiny_rnn())
    (folder / "modeling_gene_rnn.py").unlink()
    with pytest.raises(InputError, match=r"not a whole model folder: modeling_gene_rnn\.py missing"):
        publish(folder, "tester/x", [], dry_run=tmp_path / "upload")


@pytest.mark.parametrize("repo_id", ["model", "a/b/c", "user/na me", "user/"])
def test_a_repository_name_must_be_user_and_name(repo_id: str, gpt2: Path) -> None:
    with pytest.raises(InputError, match="give USER/NAME"):
        publish(gpt2, repo_id, [])
