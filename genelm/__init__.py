"""Generative language models of gene DNA."""
