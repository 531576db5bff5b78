"""Similar items, by SQL."""
