"""Searching for similar items, in SQL."""
