"""The nearest neighbours of every product, for nightly jobs."""
