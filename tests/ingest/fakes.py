"""A source and a photo storage in memory."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.catalog.profile import Profile, parse_profile
from app.photos.photo_file import PhotoFile, Unchanged
from worker.sources import Batch, Product, Products

SHOP = """
[source]
format = "csv"
sku = "sku"
title = "title"
brand = "brand"
price = "price"
discounted_price = "sale_price"
available = "stock"
photo = "image"

[attributes.material]
type = "text"
filter = true
facet = true

[attributes.seats]
type = "integer"
filter = true

[attributes.rooms]
type = "text[]"
filter = true
"""

STOCK = """
[source]
format = "csv"
sku = "sku"
price = "price"
available = "stock"
"""


def shop_profile(text: str) -> Profile:
    return parse_profile(text, "shop.toml")


def product(
    sku: str,
    *photos: str,
    title: str | None = "A chair",
    brand: str | None = "Ora",
    price: Any = 10,
    sale_price: Any = None,
    available: bool | None = None,
    material: str | None = "oak",
    seats: int | None = 1,
    rooms: list[str] | None = None,
    line: int = 2,
) -> Product:
    """A product as the profile SHOP describes it."""
    prices = [None if value is None else Decimal(value) for value in (price, sale_price)]
    core = (title, brand, prices[0], prices[1], available)
    return Product(line, sku, core, (material, seats, rooms), photos, None)


def stock(sku: str, price: Any, available: bool | None = True) -> Product:
    """A product as the profile STOCK describes it."""
    return Product(2, sku, (None, None, Decimal(price), None, available), (), (), None)


class ListSource:
    """Products out of a list, in one batch or in those given."""

    def __init__(
        self,
        products: Sequence[Product] = (),
        *,
        batches: Sequence[Batch] | None = None,
        absent: frozenset[str] = frozenset(),
    ) -> None:
        self.name = "feed.csv"
        self.root: str | None = None
        self.notes: list[str] = []
        self.profile = shop_profile(SHOP)
        self.absent = absent
        self._batches = batches or [Batch(Products.of(products), read=len(products))]

    def size(self) -> int | None:
        return None

    def batches(self) -> Iterator[Batch]:
        yield from self._batches


class MemoryPhotos:
    """Photos by their references; an exception in place of one is raised."""

    readers = 4

    def __init__(self) -> None:
        self.files: dict[str, str | Exception] = {}
        """Reference → content."""
        self.opened: list[str] = []
        """References of the photos that were read."""
        self.hashes: dict[str, str] = {}
        """Content → hash, of all that was ever read."""
        self.away: Exception | None = None
        self.required = 0

    def readers_for(self, references: Iterable[str]) -> int:
        return self.readers

    def path_of(self, reference: str) -> Path | None:
        return None

    def require(self) -> None:
        self.required += 1
        if self.away is not None:
            raise self.away

    def read(self, reference: str) -> bytes:
        raise NotImplementedError

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        content = self.files[reference]
        if isinstance(content, Exception):
            raise content
        if validator == f"v:{content}":
            return Unchanged()
        self.opened.append(reference)
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        self.hashes[content] = sha256
        return PhotoFile(sha256, 8, 8, f"v:{content}")
