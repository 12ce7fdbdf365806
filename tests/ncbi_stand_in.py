"""A server on loopback that answers as NCBI Datasets' REST interface does, with the faults of a real network."""

import asyncio
import hashlib
import io
import json
import random
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

OLD, NEW, OTHER = "GCF_000001405.39", "GCF_000001405.40", "GCF_009914755.1"
FAULTS = ("busy", "broken", "cut", "corrupt", "wrong_md5", "no_json")


@dataclass
class StandInGene:
    """A gene of the server: on the newest patch of the reference assembly, and one base shorter on another one."""

    gene_id: int
    sequence: str
    strand: str = "+"
    start: int = 1001

    def accession(self, assembly: str) -> str:
        return "NC_000002.12" if assembly == NEW else "NC_060926.1"

    def location(self, assembly: str, length: int) -> dict:
        return {
            "genomic_accession_version": self.accession(assembly),
            "sequence_name": "2",
            "genomic_range": {
                "begin": str(self.start),
                "end": str(self.start + length - 1),
                "orientation": "minus" if self.strand == "-" else "plus",
            },
        }

    def report(self) -> dict:
        places = ((NEW, len(self.sequence)), (OTHER, len(self.sequence) - 1))
        return {
            "gene_id": str(self.gene_id),
            "symbol": f"G{self.gene_id}",
            "description": f"gene {self.gene_id}",
            "tax_id": "9606",
            "taxname": "Homo sapiens",
            "type": "PSEUDO",
            "gene_groups": [{"id": "85290", "method": "NCBI Ortholog"}],
            "annotations": [
                {"assembly_accession": assembly, "genomic_locations": [self.location(assembly, length)]}
                for assembly, length in places
            ],
        }

    def fasta(self) -> str:
        records = []
        for assembly, sequence in ((NEW, self.sequence), (OTHER, self.sequence[1:])):
            end = self.start + len(sequence) - 1
            span = f"c{end}-{self.start}" if self.strand == "-" else f"{self.start}-{end}"
            header = f">{self.accession(assembly)}:{span} G{self.gene_id} [organism=Homo sapiens]"
            lines = "\n".join(sequence[i : i + 70] for i in range(0, len(sequence), 70))
            records.append(f"{header} [GeneID={self.gene_id}] [chromosome=2]\n{lines}\n")
        return "".join(records)


def camel(value):
    """Turn the keys of the REST interface into those of a package."""
    if isinstance(value, dict):
        return {
            name.split("_")[0] + "".join(w.title() for w in name.split("_")[1:]): camel(v) for name, v in value.items()
        }
    return [camel(item) for item in value] if isinstance(value, list) else value


def package(genes: list[StandInGene], *, wrong_md5: bool = False) -> bytes:
    """Zip genes as NCBI does."""
    data = "ncbi_dataset/data/"
    files = {
        data + "gene.fna": "".join(gene.fasta() for gene in genes),
        data + "data_report.jsonl": "".join(json.dumps(camel(gene.report())) + "\n" for gene in genes),
    }
    listed = [
        {"filePath": name.removeprefix(data), "uncompressedLengthBytes": str(len(text))}
        for name, text in files.items()
    ]
    files[data + "dataset_catalog.json"] = json.dumps({"genes": {"files": listed}, "apiVersion": "V2"})
    digests = {name: hashlib.md5(text.encode()).hexdigest() for name, text in files.items()}
    if wrong_md5:
        digests[data + "gene.fna"] = "0" * 32
    files["README.md"] = "NCBI Datasets\n"
    files["md5sum.txt"] = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), text)
    return content.getvalue()


@dataclass
class NcbiStandIn:
    """What the server holds, how often it fails, and what it was asked."""

    genes: dict[int, StandInGene]
    fault_share: float = 0.0
    seed: int = 0
    never: set[int] = field(default_factory=set)  # genes whose package never comes
    withdrawn: set[int] = field(default_factory=set)  # genes listed, but not in packages
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def fault(self, request: Request, path: str) -> str | None:
        with self._lock:
            self.asked[path] += 1
            self.times.append(time.monotonic())
            self.keys.add(request.headers.get("api-key"))
            if self._random.random() >= self.fault_share:
                return None
            fault = self._random.choice(FAULTS)
            self.faults[fault] += 1
            return fault

    async def reports(self, request: Request) -> Response:
        fault = self.fault(request, "reports")
        if fault is not None:
            return failing(fault, b'{"reports": []}')
        body = await request.json()
        if body["taxon"] != "9606" or body["returned_content"] != "COMPLETE" or body["page_size"] > 1000:
            return JSONResponse({"error": "bad request", "code": 400, "message": "unknown taxon"}, 400)
        ids = sorted(self.genes)
        first = int(body.get("page_token", "0"))
        page = ids[first : first + body["page_size"]]
        answer: dict = {"reports": [{"gene": self.genes[i].report()} for i in page], "total_count": len(ids)}
        if first + len(page) < len(ids):
            answer["next_page_token"] = str(first + len(page))
        return JSONResponse(answer)

    async def download(self, request: Request) -> Response:
        body = await request.json()
        ids = body["gene_ids"]
        assert body["include_annotation_type"] == ["FASTA_GENE"]
        fault = "broken" if self.never.intersection(ids) else self.fault(request, "packages")
        content = package([self.genes[i] for i in ids if i not in self.withdrawn], wrong_md5=fault == "wrong_md5")
        if fault in (None, "wrong_md5"):
            return Response(content, media_type="application/zip")
        return failing(fault, content)


def failing(fault: str, content: bytes) -> Response:
    """Fail as networks and servers do."""
    if fault == "busy":
        return JSONResponse({"error": "too many requests"}, 429, headers={"Retry-After": "0.05"})
    if fault == "broken":
        return JSONResponse({"error": "internal"}, 500)
    if fault == "cut":

        async def half() -> Iterator[bytes]:
            yield content[: len(content) // 2]
            await asyncio.sleep(0)
            raise ConnectionResetError

        return StreamingResponse(half(), headers={"Content-Length": str(len(content))})
    middle = len(content) // 2
    return Response(content[:middle] + b"\x00\xff" * 8 + content[middle + 16 :])


@contextmanager
def serving(stand_in: NcbiStandIn) -> Iterator[NcbiStandIn]:
    """Serve on a free port of loopback."""
    app = Starlette(
        routes=[
            Route("/v2/gene/dataset_report", stand_in.reports, methods=["POST"]),
            Route("/v2/gene/download", stand_in.download, methods=["POST"]),
        ]
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        stand_in.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v2"
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield stand_in
        finally:
            server.should_exit = True
            thread.join()


def random_genes(number: int, seed: int = 0, longest: int = 60) -> dict[int, StandInGene]:
    """Make up genes with ids that are not in one row."""
    draw = random.Random(seed)
    return {
        7 * i + 3: StandInGene(
            7 * i + 3,
            "".join(draw.choices("ACGT", k=draw.randint(20, longest))),
            draw.choice("+-"),
            draw.randint(1, 10**6),
        )
        for i in range(number)
    }
