"""What is kept of the genes that were read, and into which split it goes."""
