"""Products put into a database directly, with made-up vectors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql

from app.encoders.registry import get_backbone
from app.models import EmbeddingModel, register

Vectors = NDArray[np.float32]


def unit_vectors(count: int, dimensions: int, seed: int = 3) -> Vectors:
    """Vectors of length 1, none of which is near another if there are dimensions enough."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors, dtype=np.float32)


def store_model(
    connection: psycopg.Connection[Any], dimensions: int, name: str = "made_up"
) -> EmbeddingModel:
    """Register a model that nothing can be embedded with."""
    backbone = replace(get_backbone("compact"), dimensions=dimensions)
    return register(connection, backbone, name, "0" * 64)


def store_product(
    connection: psycopg.Connection[Any],
    sku: str,
    photos: Sequence[str] = (),
    vectors: Sequence[Vectors] = (),
    **values: Any,
) -> int:
    """Store a product, and return its item_id.

    Args:
        connection: the caller commits.
        sku: the product.
        photos: their references, the first one first.
        vectors: of the first photos, by the model 1.
        values: other columns.
    """
    columns: Mapping[str, Any] = {"sku": sku, **values}
    item_id = sql.SQL("nextval('item_ids')")
    if re.fullmatch("[1-9][0-9]{0,14}", sku):
        item_id = sql.SQL(sku)
    statement = sql.SQL("INSERT INTO items (item_id, {}) VALUES ({}, {}) RETURNING item_id").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        item_id,
        sql.SQL(", ").join(map(sql.Placeholder, columns)),
    )
    row = connection.execute(statement, columns).fetchone()
    assert row is not None
    store_photos(connection, row[0], photos, vectors)
    return int(row[0])


def store_photos(
    connection: psycopg.Connection[Any],
    item_id: int,
    photos: Sequence[str],
    vectors: Sequence[Vectors] = (),
) -> None:
    """Store a product's photos, each file's hash its reference, and their vectors."""
    register_vector(connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO photos (item_id, position, reference, sha256, width, height) "
            "VALUES (%s, %s, %s, %s, 60, 80)",
            [(item_id, position, photo, photo) for position, photo in enumerate(photos, 1)],
        )
        cursor.executemany(
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "VALUES (1, %s, %s, %s, %s)",
            [
                (item_id, position, HalfVector(vector), photo)
                for position, (photo, vector) in enumerate(zip(photos, vectors, strict=False), 1)
            ],
        )
