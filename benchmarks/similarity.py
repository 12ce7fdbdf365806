"""How tight a split is: python benchmarks/similarity.py data/paper data/similarity ...

For each dataset folder, MMseqs2 searches the training genes anew for every evaluation gene, with seeds of several
lengths, one of them between and one shorter than those that the build uses, and counts the evaluation genes with a
hit at the dataset's identity and coverage. Beside them stands what shares no search with it: the genes by 24-mers in
common with training. Then the k-mer search, which stands in where MMseqs2 is not installed, is compared with MMseqs2
on all genes. In the results, `genes_20231` are the genes that `benchmarks/data.py` builds from; the others have the
paper's files as their source. Results go to benchmarks/results/similarity.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from genelm.dataset_scripts import load_split, read_leakage, read_manifest
from genelm.dataset_scripts.similarity.mmseqs2_search import MIN_SCORE, find_hits
from genelm.dataset_scripts.similarity.similar_genes import cluster_labels, similar_pairs
from genelm.storage import write_json

SEED_LENGTHS = (12, 11, 10, 9, 8)
RESULTS = Path(__file__).parent / "results" / "similarity.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="datasets, as `genelm data build` writes them")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    results = {folder.name: measure(folder, arguments.threads) for folder in arguments.folders}
    results["kmers beside mmseqs2"] = compare_searches(arguments.folders[0], arguments.threads)
    write_json(RESULTS, results)
    print(json.dumps(results, indent=2))


def measure(folder: Path, threads: int) -> dict[str, Any]:
    search = read_leakage(folder)["search"]
    training = load_split(folder, "train")["sequence"][:]
    evaluation = [gene for split in ("validation", "test") for gene in load_split(folder, split)["sequence"]]
    hit = {}
    for length in SEED_LENGTHS:
        found: set[int] = set()
        limits = (search["identity"], search["coverage"])
        for query, _ in find_hits(evaluation, training, *limits, threads, length, MIN_SCORE):
            found.update(query.tolist())
        hit[f"seeds of {length}"] = len(found)
    strata = {split: facts["strata"] for split, facts in read_leakage(folder)["splits"].items()}
    counts = {name: sum(split[name]["genes"] for split in strata.values()) for name in strata["test"]}
    return {
        "split": search["split"],
        "fingerprint": read_manifest(folder).fingerprint,
        "evaluation_genes": len(evaluation),
        "with_a_similar_training_gene": hit,
        "by_24_mers_in_training": counts,
    }


def compare_searches(folder: Path, threads: int) -> dict[str, Any]:
    genes = [gene for split in ("train", "validation", "test") for gene in load_split(folder, split)["sequence"]]
    pairs = {
        method: similar_pairs(genes, identity=0.8, coverage=0.5, method=method, threads=threads)
        for method in ("mmseqs2", "kmers")
    }
    codes = {method: found[:, 0] * len(genes) + found[:, 1] for method, found in pairs.items()}
    labels = {method: cluster_labels(len(genes), found) for method, found in pairs.items()}
    across = labels["kmers"][pairs["mmseqs2"][:, 0]] != labels["kmers"][pairs["mmseqs2"][:, 1]]
    return {
        "genes": len(genes),
        "pairs": {method: len(found) for method, found in pairs.items()},
        "share_of_mmseqs2_pairs_found": round(float(np.isin(codes["mmseqs2"], codes["kmers"]).mean()), 4),
        "mmseqs2_pairs_across_its_clusters": int(across.sum()),
        "largest_cluster": {method: int(np.bincount(label).max()) for method, label in labels.items()},
    }


if __name__ == "__main__":
    main()
