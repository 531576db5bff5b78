"""A small invented catalog, drawn with Pillow, for users without photos of their own."""

from worker.sample_catalog.catalog import draw_catalog

__all__ = ["draw_catalog"]
