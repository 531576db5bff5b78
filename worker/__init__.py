"""The jobs: reading catalogs, embedding photos, training, and the command line."""
