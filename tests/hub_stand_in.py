"""A local stand-in of the Hub's HTTP interface for model repositories, for the real `huggingface_hub` client.

It speaks what the client says when it creates a repository, uploads (regular files in the commit, weights over git
LFS), lists and downloads, with the status codes and headers that the client relies on, and keeps everything in
memory. It knows one user, `USER`, who holds `TOKEN`. Xet storage and pull requests are not emulated. Requests to
routes it does not have are kept in `HubStandIn.unknown_requests`, so that a test can see that it was enough.
"""

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

USER = "tester"
TOKEN = "hf_stand_in"
LFS_SUFFIXES = (".safetensors", ".parquet", ".npz")


@dataclass
class Commit:
    """The whole content of a repository at one time."""

    title: str
    parent: str
    files: dict[str, bytes]

    @property
    def oid(self) -> str:
        names = "".join(f"{path}:{git_sha1(content)}\n" for path, content in sorted(self.files.items()))
        return hashlib.sha1(f"{self.parent}\n{self.title}\n{names}".encode()).hexdigest()


@dataclass
class Repository:
    """A model repository: one branch, `main`, and tags."""

    private: bool
    commits: list[Commit] = field(default_factory=lambda: [Commit("initial commit", "", {".gitattributes": b""})])
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        """The commit that a branch name, a tag or a commit id names."""
        if revision == "main":
            return self.commits[-1]
        revision = self.tags.get(revision, revision)
        for commit in self.commits:
            if commit.oid == revision:
                return commit
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")


class HubError(Exception):
    """An answer with a status, and the error code that the client turns into its own exceptions."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(path: str) -> bool:
    return path.endswith(LFS_SUFFIXES)


def object_id(path: str, content: bytes) -> str:
    """What the client compares with its own file: SHA-256 for LFS files, git's SHA-1 for the others."""
    return hashlib.sha256(content).hexdigest() if is_lfs(path) else git_sha1(content)


def file_entry(path: str, content: bytes) -> dict[str, object]:
    """Say of a file what the Hub says of it."""
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": git_sha1(content)}
    if is_lfs(path):
        entry["lfs"] = {"oid": object_id(path, content), "size": len(content), "pointerSize": 134}
    return entry


class HubStandIn:
    """The server, run in a thread for the time of a `with` block."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.lfs_objects: dict[str, bytes] = {}
        self.unknown_requests: list[str] = []
        repo, rev = "{user}/{name}", "{revision}"
        routes = [
            Route("/api/whoami-v2", self.whoami),
            Route("/api/agent-harnesses", self.agent_harnesses),
            Route("/api/repos/create", self.create, methods=["POST"]),
            Route("/api/validate-yaml", self.validate_yaml, methods=["POST"]),
            Route("/lfs/verify", self.lfs_verify, methods=["POST"]),
            Route("/lfs/{oid}", self.lfs_upload, methods=["PUT"]),
            *(
                route
                for kind, prefix in (("models", ""), ("datasets", "/datasets"))
                for route in (
                    Route(f"/api/{kind}/{repo}", self.info),
                    Route(f"/api/{kind}/{repo}/revision/{rev}", self.info),
                    Route(f"/api/{kind}/{repo}/tree/{rev}", self.tree),
                    Route(f"/api/{kind}/{repo}/tree/{rev}/{{path:path}}", self.tree),
                    Route(f"/api/{kind}/{repo}/paths-info/{rev}", self.paths_info, methods=["POST"]),
                    Route(f"/api/{kind}/{repo}/commits/{rev}", self.commits),
                    Route(f"/api/{kind}/{repo}/preupload/{rev}", self.preupload, methods=["POST"]),
                    Route(f"/api/{kind}/{repo}/commit/{rev}", self.commit, methods=["POST"]),
                    Route(f"/api/{kind}/{repo}/tag/{rev}", self.tag, methods=["POST"]),
                    Route(f"{prefix}/{repo}.git/info/lfs/objects/batch", self.lfs_batch, methods=["POST"]),
                    Route(f"{prefix}/{repo}/resolve/{rev}/{{path:path}}", self.resolve),
                )
            ),
            Route("/{rest:path}", self.unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
        application = Starlette(routes=routes, exception_handlers={HubError: self.answer_error})
        self._server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "HubStandIn":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the stand-in of the Hub did not start")
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)

    def files(self, repo_id: str) -> dict[str, bytes]:
        """What a repository holds now, without the file that every new repository has."""
        return {
            path: content
            for path, content in self.repositories[repo_id].at("main").files.items()
            if path != ".gitattributes"
        }

    # Access

    def writer(self, request: Request) -> str:
        token = request.headers.get("authorization")
        if token is None:
            raise HubError(401, "", "Invalid username or password.")
        if token != f"Bearer {TOKEN}":
            raise HubError(401, "", "Invalid credentials in Authorization header")
        return USER

    def repository(self, request: Request, *, write: bool = False) -> Repository:
        repo_id = f"{request.path_params['user']}/{request.path_params['name']}"
        if write:
            self.writer(request)
        found = self.repositories.get(repo_id)
        # As on the Hub, who may not read a repository cannot tell it from one that does not exist.
        may_read = found and (not found.private or request.headers.get("authorization") == f"Bearer {TOKEN}")
        if not found or not may_read:
            raise HubError(404 if "authorization" in request.headers else 401, "RepoNotFound", "Repository not found")
        if write and request.path_params["user"] != USER:
            raise HubError(403, "", f"You don't have the rights to write to {repo_id}")
        return found

    async def answer_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HubError)
        headers = {"X-Error-Message": error.message}
        if error.code:
            headers["X-Error-Code"] = error.code
        if error.code == "EntryNotFound":  # the client caches that a file does not exist in this commit
            headers["X-Repo-Commit"] = self.repository(request).at(request.path_params["revision"]).oid
        return JSONResponse({"error": error.message}, error.status, headers)

    async def unknown(self, request: Request) -> Response:
        self.unknown_requests.append(f"{request.method} {request.url.path}")
        raise HubError(404, "", "The stand-in does not have this route")

    async def whoami(self, request: Request) -> Response:
        return JSONResponse({"type": "user", "name": self.writer(request), "orgs": []})

    async def agent_harnesses(self, request: Request) -> Response:
        return JSONResponse({"standardEnvVars": [], "harnesses": {}})  # the client asks once a day

    # Repositories

    async def create(self, request: Request) -> Response:
        user, body = self.writer(request), await request.json()
        owner = body.get("organization") or user
        repo_id = f"{owner}/{body['name']}"
        if owner != user:
            raise HubError(403, "", f"You don't have the rights to create a model under the namespace {owner!r}")
        address = {"url": f"{request.base_url}{repo_id}"}
        if repo_id in self.repositories:
            return JSONResponse({"error": "You already created this model repo", **address}, 409)
        self.repositories[repo_id] = Repository(
            private=body.get("visibility") == "private" or bool(body.get("private"))  # before huggingface_hub 1
        )
        return JSONResponse(address)

    async def info(self, request: Request) -> Response:
        repository = self.repository(request)
        commit = repository.at(request.path_params.get("revision", "main"))
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        repo_id = f"{request.path_params['user']}/{request.path_params['name']}"
        return JSONResponse({"id": repo_id, "sha": commit.oid, "private": repository.private, "siblings": siblings})

    async def commits(self, request: Request) -> Response:
        repository = self.repository(request)
        date = "2000-01-01T00:00:00.000Z"
        entries = [
            {"id": c.oid, "title": c.title, "message": "", "date": date, "authors": []} for c in repository.commits
        ]
        return JSONResponse(entries[::-1])

    async def tree(self, request: Request) -> Response:
        files = self.repository(request).at(request.path_params["revision"]).files
        folder = request.path_params.get("path", "").strip("/")
        prefix = f"{folder}/" if folder else ""
        inside = {path: content for path, content in sorted(files.items()) if path.startswith(prefix)}
        if not inside:
            raise HubError(404, "EntryNotFound", f"{folder} does not exist")
        recursive = request.query_params.get("recursive", "").lower() == "true"
        entries: dict[str, dict[str, object]] = {}
        for path, content in inside.items():
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts)):
                parent = prefix + "/".join(parts[:depth])
                if recursive or depth == 1:
                    entries[parent] = {
                        "type": "directory",
                        "path": parent,
                        "size": 0,
                        "oid": git_sha1(parent.encode()),
                    }
            if recursive or len(parts) == 1:
                entries[path] = file_entry(path, content)
        return JSONResponse(list(entries.values()))

    async def paths_info(self, request: Request) -> Response:
        files = self.repository(request).at(request.path_params["revision"]).files
        asked = (await request.form()).getlist("paths") or (await request.json())["paths"]
        return JSONResponse([file_entry(path, files[path]) for path in asked if path in files])

    # Upload

    async def validate_yaml(self, request: Request) -> Response:
        content = (await request.json())["content"]
        header = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        try:
            data = yaml.safe_load(header.group(1)) if header else {}
            problems = [
                f'"model-index": {part} is required'
                for entry in data.get("model-index", [])
                for result in entry["results"]
                for part, present in (
                    ("task.type", result["task"].get("type")),
                    ("dataset.type", re.fullmatch(r"([\w-]+/)?[\w.-]+", result["dataset"].get("type", ""))),
                    ("dataset.name", result["dataset"].get("name")),
                    ("metrics", all(isinstance(m["value"], int | float) and m["type"] for m in result["metrics"])),
                )
                if not present
            ]
        except (yaml.YAMLError, KeyError) as error:
            problems = [str(error)]
        answer = {"errors": [{"message": problem} for problem in problems], "warnings": []}
        return JSONResponse(answer, 400 if problems else 200)

    async def preupload(self, request: Request) -> Response:
        files = self.repository(request, write=True).at(request.path_params["revision"]).files
        answer = []
        for asked in (await request.json())["files"]:
            path = asked["path"]
            entry = {"path": path, "uploadMode": "lfs" if is_lfs(path) else "regular", "shouldIgnore": False}
            if path in files:
                entry["oid"] = object_id(path, files[path])
            answer.append(entry)
        return JSONResponse({"files": answer})

    async def lfs_batch(self, request: Request) -> Response:
        self.repository(request, write=True)
        objects = []
        for wanted in (await request.json())["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.lfs_objects:
                answer["actions"] = {
                    "upload": {"href": f"{request.base_url}lfs/{wanted['oid']}"},
                    "verify": {"href": f"{request.base_url}lfs/verify"},
                }
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def lfs_upload(self, request: Request) -> Response:
        content = await request.body()
        if hashlib.sha256(content).hexdigest() != request.path_params["oid"]:
            raise HubError(400, "", "The content does not have the checksum of its address")
        self.lfs_objects[request.path_params["oid"]] = content
        return Response()

    async def lfs_verify(self, request: Request) -> Response:
        self.writer(request)
        body = await request.json()
        if len(self.lfs_objects.get(body["oid"], b"")) != body["size"]:
            raise HubError(404, "", "The object was not uploaded")
        return JSONResponse({})

    async def commit(self, request: Request) -> Response:
        repository = self.repository(request, write=True)
        head = repository.at(request.path_params["revision"])
        lines = [json.loads(line) for line in (await request.body()).splitlines()]
        files, title = dict(head.files), ""
        for key, value in ((line["key"], line["value"]) for line in lines):
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit", head.oid) != head.oid:
                    raise HubError(412, "", "A commit has happened since")
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.lfs_objects:
                    raise HubError(400, "", f"{value['path']} was not uploaded")
                files[value["path"]] = self.lfs_objects[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
            else:
                raise HubError(400, "", f"The stand-in does not know the operation {key}")
        new = Commit(title, head.oid, files)
        repository.commits.append(new)
        repo_id = f"{request.path_params['user']}/{request.path_params['name']}"
        address = f"{request.base_url}{repo_id}/commit/{new.oid}"
        return JSONResponse({"success": True, "commitOid": new.oid, "commitUrl": address})

    async def tag(self, request: Request) -> Response:
        repository, name = self.repository(request, write=True), (await request.json())["tag"]
        if name in repository.tags:
            raise HubError(409, "", f"Tag reference {name} already exists")
        repository.tags[name] = repository.at(request.path_params["revision"]).oid
        return JSONResponse({"tag": name}, 201)

    # Download

    async def resolve(self, request: Request) -> Response:
        commit = self.repository(request).at(request.path_params["revision"])
        path = request.path_params["path"]
        if path not in commit.files:
            raise HubError(404, "EntryNotFound", f"{path} does not exist")
        content = commit.files[path]
        etag = f'"{object_id(path, content)}"'
        headers = {"X-Repo-Commit": commit.oid, "ETag": etag}
        if is_lfs(path):
            # The Hub sends the client on to another host here; the headers are the same, the detour is left out.
            headers |= {"X-Linked-Size": str(len(content)), "X-Linked-ETag": etag}
        return Response(content, headers=headers)
