"""What is counted along genes: k-mers, reading frames, the longest matches with other genes."""

from .kmer_spectra import kmer_divergence, kmer_frequencies
from .match_lengths import longest_matches
from .structure import codon_counts, longest_homopolymers, longest_reading_frames

__all__ = [
    "codon_counts",
    "kmer_divergence",
    "kmer_frequencies",
    "longest_homopolymers",
    "longest_matches",
    "longest_reading_frames",
]
