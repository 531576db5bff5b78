"""Dropping a model with its vectors, so that readers of other models never wait."""

from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import delete

from app.database import Database, EmbeddingModel, query
from app.errors import LookalikeError
from app.models.activation import show_none
from app.models.registration import partition_name
from app.models.rows import get_model, list_models, raw_connection, take_long_turn


def drop(database: Database, name: str) -> None:
    """Drop a model, its vectors and its jobs; one that was cut short is brought to its end.

    Raises:
        LookalikeError: there is no such model, or it is the active one of several.
    """
    # A connection of its own, whose end ends the turn: detaching commits by itself, and the server
    # may still be at it for a process that was killed.
    with (
        psycopg.connect(database.url, autocommit=True) as connection,
        database.session() as session,
    ):
        take_long_turn(connection)
        model = get_model(session, name)
        if model.active:
            if len(list_models(session)) > 1:
                raise LookalikeError(
                    f"{name} is active: activate another model first, with `lookalike models "
                    "activate NAME`"
                )
            show_none(raw_connection(session))
            model.active = False
        model_id = model.model_id
        session.commit()
        # The row goes last, so that a drop cut short can be run again.
        _drop_partition(connection, model_id)
        session.execute(delete(EmbeddingModel).where(EmbeddingModel.model_id == model_id))
        session.commit()


def is_whole(connection: psycopg.Connection[Any], model_id: int) -> bool:
    """Say whether a model can take vectors: neither dropped nor half dropped."""
    state = _partition_state(connection, model_id)
    return state is not None and state == (True, False)


def _drop_partition(connection: psycopg.Connection[Any], model_id: int) -> None:
    """Detach and drop a model's partition; finish a detachment that was cut short."""
    name = sql.Identifier(partition_name(model_id))
    _finish_detaching(connection)
    state = _partition_state(connection, model_id)
    if state is None:
        return
    attached, _ = state
    if attached:
        connection.execute(
            sql.SQL("ALTER TABLE embeddings DETACH PARTITION {} CONCURRENTLY").format(name)
        )
    connection.execute(sql.SQL("DROP TABLE {}").format(name))


def _finish_detaching(connection: psycopg.Connection[Any]) -> None:
    """Bring to its end what a kill cut short, whichever model's: the server wants it first."""
    row = connection.execute(query(__package__, "half_detached")).fetchone()
    if row is not None:
        connection.execute(
            sql.SQL("ALTER TABLE embeddings DETACH PARTITION {} FINALIZE").format(
                sql.Identifier(row[0])
            )
        )


def _partition_state(
    connection: psycopg.Connection[Any], model_id: int
) -> tuple[bool, bool] | None:
    """Return whether a model's partition is attached, and half detached; None without one."""
    row = connection.execute(
        query(__package__, "partition_state"), {"partition": partition_name(model_id)}
    ).fetchone()
    return None if row is None else (bool(row[0]), bool(row[1]))
