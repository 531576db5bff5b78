"""Databases to ask: the drawn catalog, and the same one grown until an index pays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict

from app.database import Database, open_database
from app.models import EmbeddingModel, ensure_index, get_model
from tests.conftest import clone, run_unblocked, settings_for
from tests.support.templates import kept_catalog, kept_template
from worker.evaluation.run import evaluate
from worker.neighbours.run import store_neighbours

ANALYST = "lookalike_analyst"

COPIES = 16
"""Of each drawn product in the grown catalog: more than 3,000 vectors."""

NEXT_COPY = 10_000
"""What a copy's id has more than the one before it."""

COPY_ITEMS = """
INSERT INTO items (
    item_id, sku, gender, master_category, sub_category, article_type, base_colour, season, year,
    usage, product_display_name, brand_name, price, discounted_price
)
SELECT
    item_id + %(next_copy)s * copy, item_id + %(next_copy)s * copy, gender, master_category,
    sub_category, article_type, base_colour, season, year, usage, product_display_name, brand_name,
    price, discounted_price
FROM items
CROSS JOIN generate_series(1, %(copies)s) AS copy
"""

COPY_PHOTOS = """
INSERT INTO photos (item_id, position, reference, sha256)
SELECT item_id + %(next_copy)s * copy, position, reference, sha256 || copy
FROM photos
CROSS JOIN generate_series(1, %(copies)s) AS copy
"""


def as_role(url: str, role: str) -> str:
    """The same database, logged in to as a role."""
    known = conninfo_to_dict(url)
    return f"postgresql://{role}@/{known['dbname']}?host={known['host']}"


@pytest.fixture(scope="session")
def drawn_catalog() -> Path:
    """The catalog that the documentation's examples are about."""
    return kept_catalog(200)


@pytest.fixture(scope="session")
def drawn_template(server: str, empty_template: str, home: Path, drawn_catalog: Path) -> str:
    """Name of a database with the drawn catalog, embedded and evaluated."""
    assert empty_template  # with it came the roles that a dump grants rights to

    def fill(url: str) -> None:
        run_unblocked(url, home, "ingest", str(drawn_catalog))
        run_unblocked(url, home, "embed", LOOKALIKE_MODEL="compact")
        with open_database(settings_for(url, home)) as database:
            evaluate(database, _model(database), None)
            store_neighbours(database, None, 5, None, into_table=True)

    return kept_template(server, "template_drawn", drawn_catalog, fill)


@pytest.fixture(scope="session")
def drawn_url(server: str, drawn_template: str) -> Iterator[str]:
    """URI of the drawn catalog, for tests that only read."""
    with clone(server, drawn_template) as url:
        yield url


@pytest.fixture(scope="session")
def grown_url(server: str, drawn_template: str, home: Path) -> Iterator[str]:
    """URI of the grown catalog, for tests that only read."""
    with clone(server, drawn_template) as url:
        with psycopg.connect(url) as connection:
            _grow(connection)
        settings = settings_for(url, home)
        with open_database(settings) as database:
            assert ensure_index(database, _model(database), settings)
        yield url


@pytest.fixture
def drawn(drawn_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the drawn catalog as the analyst."""
    with psycopg.connect(as_role(drawn_url, ANALYST)) as connection:
        register_vector(connection)
        yield connection


@pytest.fixture
def grown(grown_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the grown catalog as the analyst."""
    with psycopg.connect(as_role(grown_url, ANALYST)) as connection:
        register_vector(connection)
        yield connection


def _model(database: Database) -> EmbeddingModel:
    with database.connection() as connection:
        return get_model(connection, "compact")


def _grow(connection: psycopg.Connection[Any]) -> None:
    register_vector(connection)
    rows = connection.execute("SELECT item_id, embedding FROM embeddings").fetchall()
    ids = [item_id for item_id, _ in rows]
    originals = np.stack([embedding.to_numpy() for _, embedding in rows]).astype(np.float32)
    connection.execute("DROP INDEX embeddings_1_hnsw")
    for statement in (COPY_ITEMS, COPY_PHOTOS):
        connection.execute(statement, {"next_copy": NEXT_COPY, "copies": COPIES})
    write = (
        "COPY embeddings (model_id, item_id, position, embedding, image_sha256) FROM STDIN BINARY"
    )
    with connection.cursor().copy(write) as copy:
        copy.set_types(["int2", "int8", "int2", "halfvec", "text"])
        for number, vectors in enumerate(_lookalikes(originals), start=1):
            for item_id, vector in zip(ids, vectors, strict=True):
                copy.write_row((1, item_id + NEXT_COPY * number, 1, HalfVector(vector), ""))
    connection.execute("ANALYZE items")


def _lookalikes(originals: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    random = np.random.default_rng(7)
    for _ in range(COPIES):
        vectors = originals + random.normal(scale=0.03, size=originals.shape)
        yield (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
