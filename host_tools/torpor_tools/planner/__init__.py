"""Other placements of a cluster than the one in ``cluster.toml``: tried out, compared, proposed."""
