"""Reading products from folders, files, feeds and databases into one shape.

The data's path, from the outside in:

    opening        open_source(): choose the reader for the profile's format
    files          SourceFile, TextFile: bytes and lines of a file, standard input or a URL
    delimited, json_lines, parquet, google_merchant, shopify, databases
                   a Table for each format: rows in Frames, column by column
    mapping        MappedSource: from Frames to Batches of products, as the profile says
    nested         fields of objects, by dotted paths
    skus, values, photos
                   parsers of one value: the sku, a declared type, references to photos
    dataset        DatasetSource: the public dataset's folder, with the files beside its rows
    interfaces     what is passed between these steps: Table, Frame, ProductSource, Batch, Product

    inspection     inspect_source(): recognise a source's format and propose a profile
    guessing       which column is which, by its name and values
"""

from worker.sources.inspection import Inspection, inspect_source
from worker.sources.interfaces import BadValue, Batch, Product, Products, ProductSource, Reject
from worker.sources.opening import default_profile, open_source

__all__ = [
    "BadValue",
    "Batch",
    "Inspection",
    "Product",
    "ProductSource",
    "Products",
    "Reject",
    "default_profile",
    "inspect_source",
    "open_source",
]
