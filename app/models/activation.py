"""Activating a model: one atomic switch."""

import time
from typing import Any

import psycopg
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from app.database import Database, query
from app.database.active_view import show_model
from app.database.locks import Lock, lock
from app.errors import LookalikeError, counted
from app.models.model import EmbeddingModel, get_model


def activate(
    database: Database,
    name: str,
    *,
    force: bool = False,
    lock_timeout_ms: int = 500,
    attempts: int = 20,
) -> bool:
    """Make a model the active one, which searches use.

    Args:
        database: the open database.
        name: the model's name.
        force: activate it even if it lacks vectors.
        lock_timeout_ms: how long an attempt waits for running queries; new queries wait behind it.
        attempts: how often to try.

    Returns:
        Whether the model was switched; False if it was active already.

    Raises:
        LookalikeError: no such model, it is being dropped, photos are still to embed, or other
            transactions locked the view for too long.
    """
    begun = time.monotonic()
    retrying = Retrying(
        retry=retry_if_exception_type(psycopg.errors.LockNotAvailable),
        stop=stop_after_attempt(attempts),
        wait=wait_random(0.1, 1.0),
    )
    try:
        return retrying(_switch, database, name, force, lock_timeout_ms)
    except RetryError:
        raise LookalikeError(
            f"for {time.monotonic() - begun:.0f} s other transactions have held the view "
            f"photo_embeddings: end them, or run `lookalike models activate {name}` again later"
        ) from None


def _switch(database: Database, name: str, force: bool, lock_timeout_ms: int) -> bool:
    with database.connection() as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{lock_timeout_ms}ms"])
        lock(connection, Lock.MODELS)
        model = get_model(connection, name)
        if model.active:
            return False
        _require_ready(connection, model, force)
        connection.execute(query(__package__, "set_inactive"))
        connection.execute(query(__package__, "set_active"), {"model_id": model.model_id})
        show_model(connection, model.model_id, model.dimensions)
    return True


def _require_ready(connection: psycopg.Connection[Any], model: EmbeddingModel, force: bool) -> None:
    name = model.name
    if model.dropping:
        raise LookalikeError(
            f"{name} is being dropped: run `lookalike models drop {name}` to finish that, and "
            "activate another model"
        )
    row = connection.execute(query(__package__, "count_pending"), {"name": name}).fetchone()
    pending = row[0] if row else 0
    if pending and not force:
        raise LookalikeError(
            f"{name} still has {counted(pending, 'photo')} to embed: run `lookalike embed --model "
            f"{name}` first, or activate it with --force"
        )
