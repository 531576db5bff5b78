"""A small made-up shop, drawn with Pillow, for whoever has no photos at hand yet."""

from worker.sample_catalog.catalog import draw_catalog

__all__ = ["draw_catalog"]
