"""The `genelm` command: thin, no logic of its own."""
