"""Simulated genes: the data of a first run without a network, with something in them for a model to learn.

Genes come in families. A family has one ancestor and a geometric number of members (mean 2), each a copy of it in
which 2 to 20 % of the bases or codons are drawn anew; a random split therefore leaves test genes with relatives in the
training set (familiar) and without (novel). Lengths follow a beta distribution over [30, max_length] with its mean at
0.35 of the range. Ancestors are of these kinds:

- coding: ATG, sense codons (those ending in C or G twice as likely as the others), a stop codon. Members are
  PROTEIN_CODING, whose mutations replace whole codons and keep start and stop, or PSEUDO, whose mutations do not
  respect the frame: substitutions of single bases and one deletion.
- ncRNA and BIOLOGICAL_REGION: bases of a GC content drawn per family, in which four of five CG have become TG, as
  methylation has done to our genome.
- snoRNA: the same, at most 150 bases, with a C box (TGATGA) and a D box (CTGA) near the two ends.

The gene types are NCBI's names. Nothing here is fitted to real genes, and no figure measured on it says anything about
them.
"""

import numpy as np
import numpy.typing as npt

from genelm.storage import OptionError

from ..genes import Gene, new_gene

MIN_LENGTH = 30
"""Shortest gene, in bases, before the deletion in a PSEUDO gene."""

KINDS = {"coding": 0.5, "ncRNA": 0.2, "snoRNA": 0.1, "BIOLOGICAL_REGION": 0.2}
"""Kind of family -> its share of the families."""

_BASES = np.array(list("ACGT"))
_STOPS = ("TAA", "TAG", "TGA")
_CODONS = np.array([a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in _STOPS])
_CODON_WEIGHTS = np.array([2.0 if codon[2] in "CG" else 1.0 for codon in _CODONS])
_CODON_WEIGHTS /= _CODON_WEIGHTS.sum()


def simulate_genes(num_genes: int, seed: int, max_length: int) -> list[Gene]:
    """Return simulated genes, no two with the same sequence.

    Args:
        num_genes: number of genes.
        seed: seed of the random numbers; the same one gives the same genes as long as numpy keeps its streams.
        max_length: longest gene, in bases; at least `MIN_LENGTH`.

    Returns:
        The genes, relatives in a row; `gene_group` names the family.

    Raises:
        OptionError: `max_length` is too small.
    """
    if max_length < MIN_LENGTH:
        raise OptionError(
            "{max_length} is {}, but simulated genes need at least {}; raise it.", max_length, MIN_LENGTH
        )
    rng = np.random.default_rng(seed)
    genes: list[Gene] = []
    made: set[str] = set()
    family = 0
    while len(genes) < num_genes:
        family += 1
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        length = MIN_LENGTH + int((max_length - MIN_LENGTH) * rng.beta(1.3, 2.4))
        ancestor = _codons(length // 3, rng) if kind == "coding" else _noncoding(kind, length, rng)
        for _ in range(rng.geometric(0.5)):
            gene_type, sequence = _member(kind, ancestor, rng)
            if sequence in made:  # a short copy in which nothing changed
                continue
            made.add(sequence)
            number = len(genes) + 1
            genes.append(
                new_gene(
                    gene_id=f"SIM{number:06d}",
                    sequence=sequence,
                    symbol=f"SIM{number}",
                    description=f"simulated {gene_type} gene of family {family}",
                    gene_type=gene_type,
                    gene_group=f"FAM{family:05d}",
                )
            )
    return genes[:num_genes]


def _codons(count: int, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    inner = rng.choice(_CODONS, size=count - 2, p=_CODON_WEIGHTS)
    return np.concatenate([["ATG"], inner, [rng.choice(_STOPS)]])


def _noncoding(kind: str, length: int, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    gc = rng.uniform(0.35, 0.6)
    letters = rng.choice(_BASES, size=length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    c_of_cg = np.flatnonzero((letters[:-1] == "C") & (letters[1:] == "G"))
    letters[c_of_cg[rng.random(len(c_of_cg)) < 0.8]] = "T"
    if kind == "snoRNA":
        letters = letters[:150]
        letters[4:10] = list("TGATGA")
        letters[-9:-5] = list("CTGA")
    return letters


def _member(kind: str, ancestor: npt.NDArray[np.str_], rng: np.random.Generator) -> tuple[str, str]:
    """Return the gene type and the sequence of a mutated copy."""
    rate = rng.uniform(0.02, 0.2)
    if kind != "coding":
        return kind, "".join(_mutated(ancestor, _BASES, rate, rng))
    if rng.random() < 0.4:
        inner = _mutated(ancestor[1:-1], _CODONS, rate, rng)
        return "PROTEIN_CODING", ancestor[0] + "".join(inner) + ancestor[-1]
    letters = _mutated(np.array(list("".join(ancestor))), _BASES, rate, rng)
    start = int(rng.integers(len(letters)))
    return "PSEUDO", "".join(np.delete(letters, slice(start, start + int(rng.integers(1, 11)))))


def _mutated(
    units: npt.NDArray[np.str_], alphabet: npt.NDArray[np.str_], rate: float, rng: np.random.Generator
) -> npt.NDArray[np.str_]:
    copy = units.copy()
    changed = rng.random(len(copy)) < rate
    copy[changed] = rng.choice(alphabet, size=changed.sum())
    return copy
