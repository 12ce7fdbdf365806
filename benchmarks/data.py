"""Speed and memory of `genelm data build`, beside named peers, in one run: python benchmarks/data.py genes.fa.gz

Two measurements. First the genes of a FASTA file are cleaned, deduplicated, clustered, split by similarity, looked
over and written; the peer is the bare MMseqs2 search on the same genes. Then genomes of growing size are made up, with
an annotation, and their genes extracted, once with plain and once with gzipped files; the peer is pyfaidx, which
fetches the same genes and does nothing with them. Results go to benchmarks/results/data.json.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from genelm.dataset_scripts import read_fasta, read_manifest
from genelm.dataset_scripts.similarity.mmseqs2_search import search_with_mmseqs2
from genelm.storage import package_versions, write_json

LINE, CONTIG = 60, 150_000_000
RESULTS = Path(__file__).parent / "results" / "data.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("genes", type=Path, help="FASTA file of genes, plain or gzip")
    parser.add_argument("--genomes", type=float, nargs="*", default=[0.3, 3.0], help="sizes to make up, in Gb")
    parser.add_argument("--folder", type=Path, help="where to work; the largest genome needs its size there twice")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        results: dict[str, Any] = {"cores": os.cpu_count(), "packages": package_versions()}
        results["build"] = measure_build(arguments.genes, Path(folder))
        results["genomes"] = [measure_genome(size, Path(folder)) for size in arguments.genomes]
    write_json(RESULTS, results)
    print(json.dumps(results, indent=2))


def measure_build(genes: Path, folder: Path) -> dict[str, Any]:
    seconds, megabytes = run_build(["--source", "fasta", str(genes), "--split", "similarity"], folder / "built")
    sequences = [gene["sequence"].upper() for gene, _ in read_fasta(genes)]
    began = time.perf_counter()
    search_with_mmseqs2(sequences, 0.8, 0.5, os.cpu_count() or 1)
    peer = time.perf_counter() - began
    return {
        "genes": len(sequences),
        "bases": sum(map(len, sequences)),
        "seconds": round(seconds, 1),
        "peak_megabytes": megabytes,
        "bare_mmseqs2_seconds": round(peer, 1),
        "ratio_to_bare_mmseqs2": round(seconds / peer, 2),
        "kept": {split: facts.genes for split, facts in read_manifest(folder / "built").splits.items()},
    }


def measure_genome(gigabases: float, folder: Path) -> dict[str, Any]:
    fasta, annotation = folder / "genome.fa", folder / "genes.gff3"
    n_genes = int(gigabases * 20_000)
    places = write_genome(fasta, annotation, int(gigabases * 1e9), n_genes)
    options = ["--source", "genome", "--annotation", str(annotation), "--cluster-with", "none", "--fasta"]
    seconds, megabytes = run_build([*options, str(fasta)], folder / "built")
    began = time.perf_counter()
    run_peer(fasta, places)
    peer = time.perf_counter() - began
    fasta.with_name("genome.fa.fai").unlink()
    packed = folder / "genome.fa.gz"
    with open(fasta, "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as file:
        shutil.copyfileobj(plain, file, 1 << 20)
    fasta.unlink()
    packed_seconds, packed_megabytes = run_build([*options, str(packed)], folder / "built")
    packed.unlink()
    splits = read_manifest(folder / "built").splits
    return {
        "gigabases": gigabases,
        "genes_annotated": n_genes,
        "genes_written": sum(facts.genes for facts in splits.values()),
        "seconds": round(seconds, 1),
        "peak_megabytes": megabytes,
        "gzip_seconds": round(packed_seconds, 1),
        "gzip_peak_megabytes": packed_megabytes,
        "pyfaidx_seconds": round(peer, 1),
        "ratio_to_pyfaidx": round(seconds / peer, 2),
    }


def run_build(options: list[str], output: Path) -> tuple[float, int]:
    """Run the command and give its seconds and the peak of its resident memory, its children's included, in MB."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "genelm.cli", "data", "build", *options, "--output", str(output)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, usage.ru_maxrss // 1024


def run_peer(fasta: Path, places: list[tuple[str, int, int]]) -> None:
    """Fetch genes of at most 1,000 bases with pyfaidx, in a process of its own kind: index, then one by one."""
    from pyfaidx import Fasta

    contigs = Fasta(str(fasta))
    for contig, start, end in places:
        if end - start < 1000:
            str(contigs[contig][start - 1 : end])


def write_genome(fasta: Path, annotation: Path, bases: int, n_genes: int) -> list[tuple[str, int, int]]:
    """Make up a genome in contigs of at most 150 Mb, and genes of log-normal length with transcripts and exons."""
    draw = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGTacgt", dtype=np.uint8)
    places = []
    with open(fasta, "wb") as sequences, open(annotation, "w") as lines:
        lines.write("##gff-version 3\n")
        for number, first in enumerate(range(0, bases, CONTIG), start=1):
            length = min(CONTIG, bases - first) // LINE * LINE
            sequences.write(f">chr{number}\n".encode())
            for block in range(0, length, LINE * 100_000):
                size = min(LINE * 100_000, length - block)
                text = np.full((size // LINE, LINE + 1), ord("\n"), dtype=np.uint8)
                text[:, :LINE] = letters[draw.integers(8, size=(size // LINE, LINE), dtype=np.uint8)]
                sequences.write(text.tobytes())
            share = n_genes * length // bases
            starts = np.sort(draw.integers(1, length - 200_000, size=share))
            spans = np.minimum(draw.lognormal(6.3, 1.2, size=share).astype(int) + 30, 150_000)
            for i, (start, span) in enumerate(zip(starts.tolist(), spans.tolist(), strict=True)):
                places.append((f"chr{number}", start, start + span))
                lines.write(gene_lines(f"chr{number}", f"{number}_{i}", start, start + span, "+-"[i % 2]))
    return places


def gene_lines(contig: str, name: str, start: int, end: int, strand: str) -> str:
    def line(kind: str, first: int, last: int, attributes: str) -> str:
        return f"{contig}\tmade\t{kind}\t{first}\t{last}\t.\t{strand}\t.\t{attributes}\n"

    step = (end - start) // 8
    exons = [(start + i * step, start + (i + 1) * step) for i in range(0, 8, 2)]
    return (
        line("gene", start, end, f"ID=gene-{name};Name=G{name};gene_biotype=protein_coding")
        + line("mRNA", start, end, f"ID=rna-{name};Parent=gene-{name}")
        + "".join(line("exon", *exon, f"Parent=rna-{name}") for exon in exons)
        + "".join(line("CDS", *exon, f"Parent=rna-{name}") for exon in exons)
    )


if __name__ == "__main__":
    main()
