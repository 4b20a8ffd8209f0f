"""Networks of scorers that are built here, to the published architectures."""
