"""Readers of genes: CSV, FASTA, genomes with their annotation, NCBI, and the simulator."""

from .annotation import FEATURE_KINDS
from .csv_source import has_csv_name, read_csv
from .fasta_source import read_fasta
from .genome_source import read_genome
from .indexed_fasta import open_indexed_fasta
from .ncbi_download import download_gene_packages
from .ncbi_package import choose_assemblies, read_gene_package
from .ncbi_server import NcbiServer
from .simulator import simulate_genes

__all__ = [
    "FEATURE_KINDS",
    "NcbiServer",
    "choose_assemblies",
    "download_gene_packages",
    "has_csv_name",
    "open_indexed_fasta",
    "read_csv",
    "read_fasta",
    "read_gene_package",
    "read_genome",
    "simulate_genes",
]
