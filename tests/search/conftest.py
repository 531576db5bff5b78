"""A database of some thousand made-up vectors: enough for the planner to want an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from app.catalog.attributes import load_catalog
from app.database import Database, open_database
from app.encoders.registry import get_backbone
from app.items.keys import ItemKey
from app.models import ensure_index, register
from app.search.answers import SimilarItems
from app.search.nearest import search_connection
from app.search.options import PhotoChoice, SearchOptions
from app.search.similar import similar_items
from tests.conftest import clone, settings_for
from tests.support.templates import database_uri

COUNT = 4000
GENDERS = ("Men", "Women", "Unisex")
TYPES = tuple(f"Type {number}" for number in range(40))
COLOURS = ("Red", "Green", "Blue", "NA")
FIRST_ID = 1001


@dataclass(frozen=True)
class Gallery:
    """What the database holds, for comparison: row `i` is the item `FIRST_ID + i`."""

    embeddings: NDArray[np.float32]
    genders: NDArray[np.str_]
    types: NDArray[np.str_]
    colours: NDArray[np.str_]
    years: NDArray[np.int_]

    @property
    def ids(self) -> NDArray[np.int_]:
        return np.arange(FIRST_ID, FIRST_ID + COUNT)


@pytest.fixture(scope="session")
def gallery() -> Gallery:
    random = np.random.default_rng(5)
    # Clusters, as photos have them, and a few exact twins.
    centres = random.normal(size=(60, 256))
    embeddings = centres[random.integers(0, 60, COUNT)] + 0.5 * random.normal(size=(COUNT, 256))
    embeddings[10:15] = embeddings[10]
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    # Few items of the last types: zipf-like, so that some filters let through one item.
    weights = 1 / np.arange(1, len(TYPES) + 1) ** 2
    return Gallery(
        embeddings.astype(np.float16).astype(np.float32),
        random.choice(GENDERS, COUNT),
        random.choice(TYPES, COUNT, p=weights / weights.sum()),
        random.choice(COLOURS, COUNT),
        random.integers(2008, 2019, COUNT),
    )


@pytest.fixture(scope="session")
def gallery_template(server: str, empty_template: str, home: Path, gallery: Gallery) -> str:
    name = "template_gallery"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(empty_template)
            )
        )
    settings = settings_for(database_uri(server, name), home)
    with open_database(settings) as database:
        fill(database, gallery)
        with database.connection() as connection:
            model = register(connection, get_backbone("compact"), "made_up", "0" * 64)
        with database.connection() as connection:
            write = (
                "COPY embeddings (model_id, item_id, position, embedding, image_sha256) "
                "FROM STDIN BINARY"
            )
            with connection.cursor().copy(write) as copy:
                copy.set_types(["int2", "int8", "int2", "halfvec", "text"])
                for at, embedding in enumerate(gallery.embeddings):
                    vector = HalfVector(embedding)
                    copy.write_row((model.model_id, FIRST_ID + at, 1, vector, f"{at}"))
        assert ensure_index(database, model, settings)
    return name


def fill(database: Database, gallery: Gallery) -> None:
    items = (
        "COPY items (item_id, sku, gender, article_type, base_colour, year, product_display_name) "
        "FROM STDIN"
    )
    photos = "COPY photos (item_id, position, reference, sha256) FROM STDIN"
    rows = zip(gallery.genders, gallery.types, gallery.colours, gallery.years, strict=True)
    with database.connection() as connection:
        with connection.cursor().copy(items) as copy:
            for item_id, (gender, article_type, colour, year) in enumerate(rows, FIRST_ID):
                name = f"{gender} {colour} {article_type}"
                copy.write_row(
                    (item_id, str(item_id), gender, article_type, colour, int(year), name)
                )
        with connection.cursor().copy(photos) as copy:
            for at in range(COUNT):
                copy.write_row((FIRST_ID + at, 1, f"images/{FIRST_ID + at}.jpg", f"{at}"))
        connection.execute("ANALYZE items")
        connection.execute("ANALYZE photos")


def ask(
    database: Database, item_id: int, photos: PhotoChoice = "first", **given: Any
) -> SimilarItems:
    """Ask for what is similar to a product."""
    with search_connection(database) as connection:
        options = SearchOptions.read(load_catalog(connection), given)
        return similar_items(connection, ItemKey.from_json(item_id), options, photos)


@pytest.fixture
def gallery_database(server: str, gallery_template: str, home: Path) -> Iterator[Database]:
    """A database of the test's own with the gallery in it."""
    with (
        clone(server, gallery_template) as url,
        open_database(settings_for(url, home)) as database,
    ):
        yield database
