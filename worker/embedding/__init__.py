"""Embedding the catalog: the queue, the batches, the index."""
