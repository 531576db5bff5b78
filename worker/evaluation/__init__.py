"""Measuring the quality of vectors: exact neighbours, ranking metrics, and a report of them."""
