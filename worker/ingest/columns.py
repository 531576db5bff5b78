"""The columns of `items` that a source fills, and the products' rows of them."""

from collections.abc import Iterator
from typing import Any

from worker.sources import Products, ProductSource

CORE = {
    "title": "product_display_name",
    "brand": "brand_name",
    "price": "price",
    "discounted_price": "discounted_price",
    "available": "available",
}
"""Fields of a profile's `[source]`, and the columns of `items` that they fill."""

DATASET_EXTRAS = ("brand", "price", "discounted_price")
"""Fields that the dataset's metadata files fill where the profile names no column."""

TYPES = {
    "product_display_name": "text",
    "brand_name": "text",
    "price": "numeric",
    "discounted_price": "numeric",
    "available": "bool",
    "details": "text",
    "text": "text",
    "integer": "int8",
    "number": "numeric",
    "boolean": "bool",
    "date": "date",
    "text[]": "text[]",
}
"""Types for COPY, by core column and by attribute type; the server parses JSON from text."""


class Columns:
    """The columns that an ingest writes: those that the profile maps.

    Other columns keep their values, and get their defaults in new products: a feed of prices and
    stock must not empty the names.

    A column that the profile maps and the source lacks is emptied by a snapshot: a feed without a
    column of sale prices has no discounts. An update leaves it as it is, like what the
    dataset's metadata files say where a product has none.

    Args:
        source: the source, with its profile.
        update: whether the source contains only changes.
    """

    def __init__(self, source: ProductSource, *, update: bool = False) -> None:
        profile, said = source.profile, source.profile.source
        absent = source.absent if update else frozenset()
        is_dataset = said.format == "dataset"
        kept: set[str] = set()
        places: list[tuple[str, str]] = [("sku", "text")]
        wanted = [0]
        for at, (field, column) in enumerate(CORE.items(), 1):
            mapped = getattr(said, field)
            from_row = mapped is not None and mapped not in absent
            from_file = is_dataset and field in DATASET_EXTRAS
            if from_row or from_file:
                places.append((column, TYPES[column]))
                wanted.append(at)
            if update and from_file and not from_row:
                kept.add(column)
        if is_dataset or (said.format == "jsonl" and not update):
            places.append(("details", TYPES["details"]))
            wanted.append(len(CORE) + 1)
            if update:
                kept.add("details")
        for at, attribute in enumerate(profile.attributes, len(CORE) + 2):
            if attribute.column not in absent:
                places.append((attribute.name, TYPES[attribute.type]))
                wanted.append(at)
        self.names = tuple(name for name, _ in places)
        """The sku and the columns."""
        self.kept = frozenset(kept)
        """Those whose stored value stays where the product has none."""
        self.types = tuple(type_ for _, type_ in places)
        """The columns' types, for psycopg's `set_types`."""
        self.photos = is_dataset or any(
            column is not None and column not in absent
            for column in (said.photo, *said.more_photos)
        )
        """Whether the source has photos."""
        self._wanted = wanted

    def rows(self, products: Products) -> Iterator[tuple[Any, ...]]:
        """Return the products' rows, with the columns of `names`."""
        *texts_and_prices, available = products.core
        every = (
            *(products.skus, *texts_and_prices),
            [value is not False for value in available],  # available if nothing is said of stock
            *(products.details, *products.attributes),
        )
        return zip(*(every[at] for at in self._wanted), strict=True)
