"""A database of some thousand made-up vectors: enough for the planner to want an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from app.database import Database, open_database, schema
from app.encoders.registry import get_backbone
from app.models import add
from tests.conftest import clone, database_uri, settings_for
from worker.embedding.index import ensure_index

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
def gallery_template(server: str, home: Path, gallery: Gallery) -> str:
    name = "template_gallery"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    settings = settings_for(database_uri(server, name), home)
    with open_database(settings) as database:
        schema.upgrade(database)
        fill(database, gallery)
        with database.session() as session:
            session.expire_on_commit = False
            model = add(session, get_backbone("compact"), "made_up", "0" * 64)
            session.commit()
        with database.connection() as connection:
            write = "COPY embeddings (model_id, item_id, embedding, image_sha256) FROM STDIN BINARY"
            with connection.cursor().copy(write) as copy:
                copy.set_types(["int2", "int8", "halfvec", "text"])
                for at, embedding in enumerate(gallery.embeddings):
                    copy.write_row((model.model_id, FIRST_ID + at, HalfVector(embedding), f"{at}"))
        assert ensure_index(database, model, settings)
    return name


def fill(database: Database, gallery: Gallery) -> None:
    write = (
        "COPY items (item_id, gender, article_type, base_colour, year, product_display_name, "
        "image_path, image_sha256) FROM STDIN"
    )
    rows = zip(gallery.genders, gallery.types, gallery.colours, gallery.years, strict=True)
    with database.connection() as connection:
        with connection.cursor().copy(write) as copy:
            for at, (gender, article_type, colour, year) in enumerate(rows):
                item_id = FIRST_ID + at
                path = f"images/{item_id}.jpg"
                name = f"{gender} {colour} {article_type}"
                copy.write_row(
                    (item_id, gender, article_type, colour, int(year), name, path, f"{at}")
                )
        connection.execute("ANALYZE items")


@pytest.fixture
def gallery_database(server: str, gallery_template: str, home: Path) -> Iterator[Database]:
    """A database of the test's own with the gallery in it."""
    with (
        clone(server, gallery_template) as url,
        open_database(settings_for(url, home)) as database,
    ):
        yield database
