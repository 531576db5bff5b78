"""What the tests of models share: a catalog with random vectors, since only their shape counts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.database import Database, open_database
from app.encoders.registry import get_backbone
from app.models import EmbeddingModel, ensure_index, register
from tests.conftest import clone, settings_for

PRODUCTS = 1200
"""Enough for an index to be worthwhile."""

GHOST = "0" * 64
"""The hash of weights that no machine has."""

FILL = """
INSERT INTO items (item_id, sku, product_display_name, brand_name, price)
SELECT n, n::text, 'Product ' || n, 'Brand ' || mod(n, 7), n
FROM generate_series(1, %(products)s) AS n;
INSERT INTO photos (item_id, position, reference, sha256)
SELECT n, p, format('images/%%s-%%s.jpg', n, p), md5(format('%%s-%%s', n, p))
FROM generate_series(1, %(products)s) AS n
CROSS JOIN generate_series(1, 1 + (mod(n, 10) = 0)::int) AS p;
ANALYZE items, photos;
"""

VECTORS = """
INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256)
SELECT
    %(model_id)s, p.item_id, p.position,
    l2_normalize((
        SELECT array_agg(sin(p.item_id * k * 1.7 + p.position + %(model_id)s))::real[]::halfvec
        FROM generate_series(1, %(dimensions)s) AS k
    )),
    p.sha256
FROM photos AS p
"""


@pytest.fixture(scope="session")
def models_template(server: str, empty_template: str, home: Path) -> Iterator[str]:
    """Name of a database with products, the active model `compact`, its vectors and its index."""
    with clone(server, empty_template) as url:
        with psycopg.connect(url) as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(FILL.encode(), {"products": PRODUCTS})
        with open_database(settings_for(url, home)) as database:
            add_model(database, "compact", vectors=True)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def models_url(server: str, models_template: str) -> Iterator[str]:
    """URI of a database of the test's own, as `models_template`."""
    with clone(server, models_template) as url:
        yield url


@pytest.fixture
def database(models_url: str, home: Path) -> Iterator[Database]:
    """The open database of `models_url`."""
    with open_database(settings_for(models_url, home)) as opened:
        yield opened


def add_model(
    database: Database, name: str, *, dimensions: int | None = None, vectors: bool = False
) -> EmbeddingModel:
    """Register a model, as another machine would; with vectors, index it too."""
    backbone = get_backbone("compact")
    if dimensions is not None:
        backbone = replace(backbone, dimensions=dimensions)
    with database.connection() as connection:
        model = register(connection, backbone, name, GHOST)
        if vectors:
            fill(connection, model)
    if vectors:
        assert ensure_index(database, model, database.settings)
    return model


def fill(connection: psycopg.Connection[tuple[object, ...]], model: EmbeddingModel) -> None:
    """Give each photo a vector of a model."""
    connection.execute(
        VECTORS.encode(), {"model_id": model.model_id, "dimensions": model.dimensions}
    )
