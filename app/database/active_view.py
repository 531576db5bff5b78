"""The view `photo_embeddings`, which shows the vectors of the active model."""

from typing import Any

import psycopg
from psycopg import sql

from app.database.query import query


def show_model(connection: psycopg.Connection[Any], model_id: int, dimensions: int) -> None:
    """Make `photo_embeddings` show a model's vectors. The caller commits.

    Args:
        connection: of the schema's owner.
        model_id: the model.
        dimensions: length of its vectors.
    """
    connection.execute(
        query(__package__, "show_model").format(
            model_id=sql.Literal(model_id), dimensions=sql.Literal(dimensions)
        )
    )


def show_none(connection: psycopg.Connection[Any]) -> None:
    """Make `photo_embeddings` empty. The caller commits."""
    show_model(connection, 0, 1)


def show_active_model(connection: psycopg.Connection[Any], schema: str) -> None:
    """Make `photo_embeddings` show the vectors of the model that is active in `embedding_models`.

    Args:
        connection: of the schema's owner; the caller commits.
        schema: where `embedding_models` is.
    """
    row = connection.execute(
        query(__package__, "fetch_active_model").format(schema=sql.Identifier(schema))
    ).fetchone()
    if row is None:
        show_none(connection)
    else:
        show_model(connection, *row)
