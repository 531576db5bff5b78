"""Where products come from: folders, files, feeds and databases, read into one shape."""

from worker.sources.inspection import Inspection, inspect_source
from worker.sources.opening import default_profile, open_source
from worker.sources.products import BadValue, Batch, Product, ProductSource, Reject

__all__ = [
    "BadValue",
    "Batch",
    "Inspection",
    "Product",
    "ProductSource",
    "Reject",
    "default_profile",
    "inspect_source",
    "open_source",
]
