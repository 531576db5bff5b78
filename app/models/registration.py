"""Registering a model, with the partition for its vectors."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from app.database import query
from app.database.active_view import show_model
from app.database.locks import Lock, lock
from app.encoders.precision import Precision
from app.encoders.registry import Backbone
from app.models.model import EmbeddingModel, active_model, partition_name, require_free


def register(
    connection: psycopg.Connection[Any],
    backbone: Backbone,
    name: str,
    weights_sha256: str,
    precision: Precision = Precision.AUTO,
) -> EmbeddingModel:
    """Register a model; it becomes active where none is.

    Args:
        connection: to the database; the caller commits.
        backbone: the network, with its pooling and preprocessing.
        name: what to call the model.
        weights_sha256: hash of its weights file, in hex.
        precision: the number format to compute in; `AUTO` lets the first worker choose.

    Raises:
        LookalikeError: the name is taken.
    """
    lock(connection, Lock.MODELS)  # only one may become active
    require_free(connection, name)
    values = {
        "name": name,
        "backbone": backbone.name,
        "pooling": backbone.pooling,
        "dimensions": backbone.dimensions,
        "input_size": backbone.input_size,
        "preprocessing": backbone.described_preprocessing(),
        "weights_sha256": weights_sha256,
        "precision": str(precision),
        "active": active_model(connection) is None,
    }
    with connection.cursor(row_factory=class_row(EmbeddingModel)) as cursor:
        model = cursor.execute(query(__package__, "insert_model"), values).fetchone()
    assert model is not None  # noqa: S101 - an INSERT of one row
    connection.execute(
        query(__package__, "create_partition").format(
            partition=sql.Identifier(partition_name(model.model_id)),
            model_id=sql.Literal(model.model_id),
            dimensions=sql.Literal(model.dimensions),
            comment=sql.Literal(f"Vectors of the model {name}"),
        )
    )
    if model.active:
        show_model(connection, model.model_id, model.dimensions)
    return model
