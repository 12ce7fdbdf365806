"""Publishing a model folder on the Hub: the model, its tokenizer, its code, its results and a card, in one commit.

The commit gets a tag, `version_tag`, by which the card loads the model.

What is uploaded is decided by one function, `upload_contents`; a dry run writes the same files to a folder.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError
from huggingface_hub.utils import validate_repo_id
from requests import RequestException

from genelm.eval import Results, write_results
from genelm.modeling import (
    is_model_file,
    lacks_only_our_tokenizer,
    load_model_folder,
    model_fingerprint,
    read_record,
    save_model_folder,
)
from genelm.storage import InputError, ServerError, atomic_folder, slugify

from .cards import CODE_MODEL_TYPES, read_json, render_model_card, version_tag

_CARD_TAG = "- genelm"
"""A line of every card: one of its tags."""


def publish(
    folder: Path,
    repo_id: str,
    results: Sequence[Results],
    *,
    license_name: str | None = None,
    private: bool = False,
    dry_run: Path | None = None,
    api: HfApi | None = None,
) -> str:
    """Upload a model folder with its card and results in one commit, or write what would be uploaded.

    A folder that plain `save_pretrained` left, without tokenizer and generation config, is made whole first.

    Files of an earlier push that are not part of this one are deleted in the same commit; files that others put
    into the repository stay. The commit gets the tag `version_tag(folder)`, which the card names.

    Args:
        folder: a model folder: `config.json`, `*.safetensors`, `tokenizer.json`.
        repo_id: `USER/NAME`; the repository is created if there is none.
        results: the results files of this very model as `genelm.eval.read_results` returns them.
        license_name: of the weights, for the card; see `render_model_card`.
        private: whether a new repository is private.
        dry_run: a folder to write instead of uploading anything.
        api: the client to use, by default one for the Hub and the user's own token.

    Returns:
        The address of the repository, or the path of the dry run.

    Raises:
        InputError: the folder is not a whole model, the results belong to another model, or the repository name or the
            dry run's folder cannot be used.
        ServerError: the Hub does not take the upload.
    """
    if lacks_only_our_tokenizer(folder):
        with TemporaryDirectory() as temporary:
            whole = Path(temporary) / folder.resolve().name
            model, tokenizer = load_model_folder(folder)
            save_model_folder(whole, model, tokenizer, read_record(folder))
            return publish(
                whole, repo_id, results, license_name=license_name, private=private, dry_run=dry_run, api=api
            )
    contents = upload_contents(folder, repo_id, results, license_name)
    if dry_run is not None:
        _write(contents, dry_run)
        return str(dry_run)
    api = api or HfApi()
    try:
        _upload(contents, repo_id, version_tag(folder), private, api)
    # The client wraps a failed upload of weights in a RuntimeError; before huggingface_hub 1 it is one of requests.
    except (HTTPError, RequestException, ConnectionError, RuntimeError) as error:
        raise ServerError(_what_to_do(error, repo_id, api.endpoint)) from error
    return f"{api.endpoint}/{repo_id}"


def upload_contents(
    folder: Path, repo_id: str, results: Sequence[Results], license_name: str | None
) -> dict[str, Path | bytes]:
    """Return what a push uploads: for each path in the repository, the local file or the content.

    Raises:
        InputError: as `publish`, for everything that can be known before the upload.
    """
    _check_repo_id(repo_id)
    if license_name is not None and not license_name.strip():
        raise InputError("The license has no name; give one, such as cc-by-4.0, or leave it out.")
    _check_model_folder(folder)
    fingerprint = model_fingerprint(folder)
    card = render_model_card(folder, results, repo_id, license_name)
    contents: dict[str, Path | bytes] = {
        path.name: path for path in sorted(folder.iterdir()) if path.is_file() and _is_published(path.name)
    }
    contents["README.md"] = card.encode()
    for result in results:
        measured = result.model.fingerprint
        if measured != fingerprint:
            raise InputError(
                f"The results on {result.dataset.name} ({result.dataset.split}) were measured on a model "
                f"with fingerprint {measured[:12]}, but {folder} has {fingerprint[:12]}; "
                f"run `genelm evaluate {folder}` again."
            )
        contents[_results_path(result, contents)] = _results_file(result)
    return contents


def _check_repo_id(repo_id: str) -> None:
    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise HFValidationError("there is not exactly one slash in it")
    except HFValidationError as error:
        raise InputError(f"The repository name {repo_id!r} cannot be used ({error}); give USER/NAME.") from None


def _check_model_folder(folder: Path) -> None:
    """Refuse a folder that would not load from the Hub."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give a model folder written by `genelm ngram fit` or train.py.")
    config = read_json(folder / "config.json")
    missing = [name for name in ("*.safetensors", "tokenizer.json") if not any(folder.glob(name))]
    if (folder / "model.safetensors.index.json").exists():
        weights = read_json(folder / "model.safetensors.index.json")["weight_map"]
        missing += sorted(name for name in set(weights.values()) if not (folder / name).is_file())
    # `module.Class`, with `OTHER/REPOSITORY--` before it where the code lies elsewhere.
    classes = [name for name in config.get("auto_map", {}).values() if "--" not in name]
    modules = {f"{name.split('.')[0]}.py" for name in classes}
    missing += sorted(name for name in modules if not (folder / name).is_file())
    if missing:
        raise InputError(f"{folder} is not a whole model folder: {', '.join(missing)} missing; save the model again.")
    if config.get("model_type") in CODE_MODEL_TYPES and "AutoModelForCausalLM" not in config.get("auto_map", {}):
        raise InputError(
            f"{folder / 'config.json'} has model_type {config['model_type']} but no auto_map to its code, so nobody "
            "could load it from the Hub; save the model again with genelm."
        )


def _is_published(path: str) -> bool:
    """Return whether a path in a repository is one that a push writes."""
    return path == "README.md" or is_model_file(path) or fnmatch(path, "results/*.json")


def _results_path(result: Results, taken: dict[str, Path | bytes]) -> str:
    """Name a results file after its dataset and split, with a number from the second of that name on."""
    stem = slugify(f"{result.dataset.name}-{result.dataset.split}")
    path, number = f"results/{stem}.json", 1
    while path in taken:
        number += 1
        path = f"results/{stem}-{number}.json"
    return path


def _results_file(result: Results) -> bytes:
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "results.json"
        write_results(result, path)
        return path.read_bytes()


def _is_dry_run(folder: Path) -> bool:
    """Tell a dry run by its card from the folder of a model, which has none, and from what others wrote."""
    card = folder / "README.md"
    return card.is_file() and _CARD_TAG in card.read_text(encoding="utf-8", errors="replace").splitlines()


def _write(contents: dict[str, Path | bytes], target: Path) -> None:
    """Write the upload to a folder, which must be new, empty or an earlier dry run."""
    with atomic_folder(target, is_replaceable=_is_published, is_own=_is_dry_run) as temporary:
        for name, content in contents.items():
            path = temporary / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())


def _upload(contents: dict[str, Path | bytes], repo_id: str, tag: str, private: bool, api: HfApi) -> None:
    api.create_repo(repo_id, private=private, exist_ok=True)
    if private and not api.model_info(repo_id).private:
        raise InputError(f"{repo_id} exists and is public; push to a new name, or make it private on the Hub first.")
    stale = [path for path in api.list_repo_files(repo_id) if _is_published(path) and path not in contents]
    commit = api.create_commit(
        repo_id,
        [CommitOperationAdd(path, content) for path, content in contents.items()]
        + [CommitOperationDelete(path) for path in stale],
        commit_message="Upload model with genelm",
    )
    api.create_tag(repo_id, tag=tag, revision=commit.oid, exist_ok=True)  # it exists where the card alone is new


def _what_to_do(error: BaseException, repo_id: str, endpoint: str) -> str:
    """Say in one sentence why the Hub did not take an upload, and what to do."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    if not isinstance(error, HfHubHTTPError):
        return (
            f"The push to {repo_id} at {endpoint} failed ({error}); "
            "check the network and HF_ENDPOINT, then push again."
        )
    status = error.response.status_code
    if status == 401:
        return f"{endpoint} knows no user for this push to {repo_id}; log in with `hf auth login` or set HF_TOKEN."
    if status == 403:
        return (
            f"{endpoint} does not let this token write to {repo_id}; use a token with write access, "
            "or a repository under your own user name."
        )
    reason = error.server_message or getattr(error.response, "reason_phrase", None) or error.response.reason
    return f"{endpoint} refused the push to {repo_id} with status {status} ({reason}); correct that and push again."
