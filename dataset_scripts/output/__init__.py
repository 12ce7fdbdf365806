"""What a build leaves: Parquet, the manifest, what leaks between the splits, a builder for `datasets`."""
