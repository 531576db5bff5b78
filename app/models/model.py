"""Registered models, and reading them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from app.database import query
from app.errors import LookalikeError

NONE_ACTIVE = "no embedding model is active yet: run `lookalike embed`"


@dataclass(frozen=True)
class EmbeddingModel:
    """A row of `embedding_models`; see the comments on its columns."""

    model_id: int
    name: str
    backbone: str
    pooling: str
    dimensions: int
    input_size: int
    preprocessing: str
    weights_sha256: str
    precision: str
    created_at: datetime
    active: bool
    dropping: bool


def list_models(
    connection: psycopg.Connection[Any], after: int = 0, limit: int | None = None
) -> list[EmbeddingModel]:
    """Return the registered models, oldest first, including those that are being dropped.

    Args:
        connection: to the database.
        after: only models with a larger `model_id`.
        limit: maximum number; None for all.
    """
    parameters = {"after": after, "limit": limit}
    with connection.cursor(row_factory=class_row(EmbeddingModel)) as cursor:
        return cursor.execute(query(__package__, "list_models"), parameters).fetchall()


def active_model(connection: psycopg.Connection[Any]) -> EmbeddingModel | None:
    """Return the model that searches use, None before there is one."""
    return next((model for model in list_models(connection) if model.active), None)


def get_model(connection: psycopg.Connection[Any], name: str) -> EmbeddingModel:
    """Return the model of that name.

    Raises:
        LookalikeError: there is none; the text lists the registered ones.
    """
    models = list_models(connection)
    for model in models:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in models) or "none yet"
    raise LookalikeError(f"there is no model called {name!r}; registered: {names}")


def get_model_or_active(connection: psycopg.Connection[Any], name: str | None) -> EmbeddingModel:
    """Return the model of that name; the active one if there is no name.

    Raises:
        LookalikeError: there is no such model, or none is active.
    """
    model = active_model(connection) if name is None else get_model(connection, name)
    if model is None:
        raise LookalikeError(NONE_ACTIVE)
    return model


def require_free(
    connection: psycopg.Connection[Any], name: str, way_out: str = "choose another name with --as"
) -> None:
    """Check that no model has a name.

    Args:
        connection: to the database.
        name: the name.
        way_out: what the user can do about it; the end of the error's text.

    Raises:
        LookalikeError: a model has it.
    """
    for model in list_models(connection):
        if model.name == name and model.dropping:
            raise LookalikeError(
                f"a model called {name!r} is being dropped: run `lookalike models drop {name}` "
                f"to finish that, or {way_out}"
            )
        if model.name == name:
            raise LookalikeError(f"a model called {name!r} is registered already: {way_out}")


def partition_name(model_id: int) -> str:
    """Return the name of the table that holds a model's vectors."""
    return f"embeddings_{model_id}"


def index_name(model_id: int) -> str:
    """Return the name of a model's HNSW index."""
    return f"{partition_name(model_id)}_hnsw"
