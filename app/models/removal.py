"""Dropping a model with its vectors; readers of other models never wait.

Each step is a transaction or a statement of its own, after which a later run can continue:
`dropping` is set, the partition is detached, then dropped, and the row is deleted last. No lock
is held across steps, so it works behind a connection pooler.
"""

from typing import Any

import psycopg
from psycopg import sql
from tenacity import Retrying, retry_if_exception, wait_fixed

from app.database import Database, query
from app.database.active_view import show_none
from app.database.connection import connect
from app.database.locks import Lock, lock
from app.errors import LookalikeError
from app.models.model import EmbeddingModel, get_model, list_models, partition_name

RACES = (
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.UndefinedTable,
    psycopg.errors.WrongObjectType,
    psycopg.errors.LockNotAvailable,
)
"""Errors of a step while another process drops the same model, or a server process of a client that
died still does: check the state again, and continue from there."""


def drop(database: Database, name: str) -> None:
    """Drop a model, its vectors and its jobs, or finish an interrupted drop.

    Args:
        database: the open database.
        name: the model's name.

    Raises:
        LookalikeError: there is no such model, or it is the active one of several.
    """
    with database.connection() as connection:
        model = _mark(connection, name)
    with connect(database.url, autocommit=True) as connection:
        timed = connection.execute("SHOW statement_timeout").fetchone() != ("0",)
        # A longer timeout for DETACH … CONCURRENTLY would have to be a setting of the session.
        again = (*RACES, psycopg.errors.QueryCanceled) if timed else RACES
        for attempt in Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, again)), wait=wait_fixed(0.5)
        ):
            with attempt:
                _drop_partition(connection, model.model_id)
    with database.connection() as connection:
        connection.execute(query(__package__, "delete_model"), {"model_id": model.model_id})


def _mark(connection: psycopg.Connection[Any], name: str) -> EmbeddingModel:
    """Mark a model as being dropped. The caller commits."""
    lock(connection, Lock.MODELS)
    model = get_model(connection, name)
    if model.active:
        others = [other.name for other in list_models(connection) if not other.dropping]
        if others != [name]:
            raise LookalikeError(
                f"{name} is active: activate another model first, with `lookalike models "
                "activate NAME`"
            )
        show_none(connection)
    connection.execute(query(__package__, "mark_dropping"), {"model_id": model.model_id})
    return model


def _drop_partition(connection: psycopg.Connection[Any], model_id: int) -> None:
    """Detach and drop a model's partition, continuing an interrupted drop."""
    name = sql.Identifier(partition_name(model_id))
    _finish_detaching(connection)
    parameters = {"partition": partition_name(model_id)}
    state = connection.execute(query(__package__, "fetch_partition_state"), parameters).fetchone()
    if state is None:
        return
    (attached,) = state
    if attached:
        connection.execute(
            sql.SQL("ALTER TABLE embeddings DETACH PARTITION {} CONCURRENTLY").format(name)
        )
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))


def _finish_detaching(connection: psycopg.Connection[Any]) -> None:
    """Finish an interrupted detachment of any model, which the server requires first."""
    row = connection.execute(query(__package__, "fetch_half_detached")).fetchone()
    if row is not None:
        connection.execute(
            sql.SQL("ALTER TABLE embeddings DETACH PARTITION {} FINALIZE").format(
                sql.Identifier(row[0])
            )
        )
