"""The products to train on, from a source of products or from the database."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from app.catalog.attributes import Catalog
from app.catalog.profile import Profile
from app.database import query
from app.encoders.training_record import Fingerprints, fingerprints
from app.photos.storage import PhotoStorage, open_storage
from app.settings import Settings
from worker.evaluation.stored import columns_of
from worker.sources import open_source
from worker.training.pixels import StoredPhoto


@dataclass(frozen=True)
class Products:
    """Products with a photo."""

    skus: list[str]
    """One product may come from several sources."""
    names: list[str | None]
    photos: list[StoredPhoto]
    """The first of each product in its source."""
    labels: dict[str, list[str | None]]
    """The value of each label for every product."""
    weights: dict[str, float]
    """The weight of each label, from the profile."""
    sources: list[str]
    """Where each came from."""

    def numbers(self) -> NDArray[np.int64]:
        """Return a number for each distinct sku, from 0, shape `(N,)`."""
        return np.unique(self.skus, return_inverse=True)[1].astype(np.int64)

    def only(self, chosen: NDArray[np.bool_]) -> "Products":
        """Return the products where `chosen`, of shape `(N,)`, is true."""
        rows = np.flatnonzero(chosen).tolist()
        return Products(
            [self.skus[row] for row in rows],
            [self.names[row] for row in rows],
            [self.photos[row] for row in rows],
            {name: [words[row] for row in rows] for name, words in self.labels.items()},
            self.weights,
            [self.sources[row] for row in rows],
        )

    def fingerprints(self) -> Fingerprints:
        """Return what a training record knows the products by, shape `(N,)`."""
        return fingerprints(self.skus, self.names)


def from_source(source: str, profile: Profile, settings: Settings) -> Products:
    """Read the products of a source that have a photo, ordered by sku.

    Rows that `lookalike ingest` would reject are skipped.

    Args:
        source: as for `lookalike ingest`.
        profile: the source's profile.
        settings: how photos may be fetched.

    Raises:
        LookalikeError: the source can't be read.
    """
    opened = open_source(source, profile)
    storage = open_storage(opened.root, settings)
    catalog = Catalog(0, profile.attributes)
    at = {name: catalog.columns.index(name) for name in catalog.labels}
    products = sorted(
        (product for batch in opened.batches() for product in batch.products if product.photos),
        key=lambda product: (len(product.sku), product.sku),
    )
    return Products(
        [product.sku for product in products],
        [product.core[0] for product in products],
        [StoredPhoto(storage, product.photos[0]) for product in products],
        {
            name: [_word(product.attributes[place]) for product in products]
            for name, place in at.items()
        },
        catalog.labels,
        [source] * len(products),
    )


def together(parts: Sequence[Products]) -> Products:
    """Join the products of several sources; a label that one of them lacks is missing there."""
    weights = {name: weight for part in parts for name, weight in part.weights.items()}
    return Products(
        [sku for part in parts for sku in part.skus],
        [name for part in parts for name in part.names],
        [photo for part in parts for photo in part.photos],
        {
            label: [
                word for part in parts for word in part.labels.get(label, [None] * len(part.skus))
            ]
            for label in weights
        },
        weights,
        [source for part in parts for source in part.sources],
    )


def from_database(
    connection: psycopg.Connection[Any], catalog: Catalog, storage: PhotoStorage
) -> Products:
    """Read the ingested products that have a photo, with the labels that `catalog` declares."""
    labels = tuple(catalog.labels)
    statement = query(__package__, "fetch_products").format(labels=columns_of(labels))
    rows: Sequence[tuple[Any, ...]] = connection.execute(statement).fetchall()
    return Products(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [StoredPhoto(storage, row[2]) for row in rows],
        {name: [row[at] for row in rows] for at, name in enumerate(labels, start=3)},
        catalog.labels,
        ["database"] * len(rows),
    )


def held_out(skus: Sequence[str], share: float) -> NDArray[np.bool_]:
    """Choose about `share` of the products by a hash of their skus.

    The choice depends on a product's own sku alone: it is the same on every machine, and doesn't
    change when a catalog grows, shrinks or is read in another order.

    Args:
        skus: the skus.
        share: the share to hold out, from 0 to 1.

    Returns:
        True for products that are held out, bool, shape `(len(skus),)`.
    """
    return np.array([_fraction(sku) < share for sku in skus], dtype=bool)


def _fraction(sku: str) -> float:
    """Map a sku to a number from 0 to 1, evenly."""
    digest = hashlib.blake2b(sku.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _word(value: object) -> str | None:
    """Return a label as text, as the database casts it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
