"""Which genes are alike: k-mers, alignments, clusters, familiarity, genes within genes."""
