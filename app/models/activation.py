"""Choosing the model that searches use: one atomic switch."""

import time
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from app.database import Database, EmbeddingModel, query
from app.errors import LookalikeError
from app.models.rows import get_model, raw_connection, take_turns

LOCK_TIMEOUT_MS = 500
"""How long a switch waits for running queries; new ones queue behind it meanwhile."""

TRIES = 20

PATIENCE = 20.0
"""Seconds to wait for another that registers, activates or drops a model."""


def activate(database: Database, name: str, *, force: bool = False) -> bool:
    """Make a model the one that searches use.

    Args:
        database: the open database.
        name: the model's name.
        force: switch even while the model lacks vectors.

    Returns:
        Whether anything changed: False if it was active already.

    Raises:
        LookalikeError: no such model, or photos are still to embed, or queries held the view, or
            another command was at the models, for too long.
    """
    begun = time.monotonic()
    for attempt in range(TRIES):
        try:
            return _switch(database, name, force=force)
        except (psycopg.errors.LockNotAvailable, OperationalError) as error:
            # The session wraps what its statements raise; the view is replaced beneath it.
            if not isinstance(getattr(error, "orig", error), psycopg.errors.LockNotAvailable):
                raise
            time.sleep(0.05 * (attempt + 1))
    raise LookalikeError(
        f"for {time.monotonic() - begun:.0f} s other transactions have held the view "
        f"item_embeddings: end them, or run `lookalike models activate {name}` again later"
    )


def _switch(database: Database, name: str, *, force: bool) -> bool:
    with database.session() as session:
        session.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        take_turns(session, PATIENCE)
        model = get_model(session, name)
        if model.active:
            return False
        pending = session.execute(
            text("SELECT pending FROM embedding_progress WHERE name = :name"), {"name": name}
        ).scalar_one()
        if pending and not force:
            raise LookalikeError(
                f"{name} still has {pending:,} photos to embed: run `lookalike embed --model "
                f"{name}` first, or activate it with --force"
            )
        session.execute(update(EmbeddingModel).where(EmbeddingModel.active).values(active=False))
        model.active = True
        session.flush()
        show(raw_connection(session), model)
        session.commit()
    return True


def show(connection: psycopg.Connection[Any], model: EmbeddingModel) -> None:
    """Let the view `item_embeddings` show a model's vectors. The caller commits."""
    connection.execute(
        query(__package__, "show_model").format(
            model_id=sql.Literal(model.model_id), dimensions=sql.Literal(model.dimensions)
        )
    )


def show_none(connection: psycopg.Connection[Any]) -> None:
    """Let the view `item_embeddings` show nothing. The caller commits."""
    connection.execute(
        query(__package__, "show_model").format(model_id=sql.Literal(0), dimensions=sql.Literal(1))
    )
