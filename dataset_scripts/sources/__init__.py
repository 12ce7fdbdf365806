"""Where genes are read from: CSV, FASTA, annotated genomes, NCBI's packages and server, a simulator."""
