"""Reading the registered models, and taking turns at changing them."""

import math
import time
from typing import Any, cast

import psycopg
from sqlalchemy import BigInteger, literal, select
from sqlalchemy.orm import Session

from app.database import EmbeddingModel
from app.errors import LookalikeError

TRY_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('embedding_models'))"
TRY_LONG_TURN = "SELECT pg_try_advisory_lock(hashtext('embedding_models'))"
POLL_SECONDS = 0.1


def list_models(session: Session, after: int = 0, limit: int | None = None) -> list[EmbeddingModel]:
    """Return registered models, oldest first.

    Args:
        session: the session.
        after: the `model_id` that the first one comes behind.
        limit: how many at most; None for all.
    """
    # A position may come from a request, and be more than the column's smallint holds.
    behind = EmbeddingModel.model_id > literal(after, BigInteger)
    models = select(EmbeddingModel).where(behind)
    return list(session.scalars(models.order_by(EmbeddingModel.model_id).limit(limit)))


def active_model(session: Session) -> EmbeddingModel | None:
    """Return the model that searches use, None before there is one."""
    return session.scalar(select(EmbeddingModel).where(EmbeddingModel.active))


def get_model(session: Session, name: str) -> EmbeddingModel:
    """Return the model of that name.

    Raises:
        LookalikeError: there is none; the text lists those there are.
    """
    model = session.scalar(select(EmbeddingModel).where(EmbeddingModel.name == name))
    if model is None:
        names = ", ".join(known.name for known in list_models(session)) or "none yet"
        raise LookalikeError(f"no model is called {name!r}; registered: {names}")
    return model


def take_turns(session: Session, patience: float = math.inf) -> None:
    """Until the transaction ends, let no other register, activate or drop a model.

    Raises:
        LookalikeError: another was at it for as many seconds as there is patience.
    """
    _wait_for_turn(raw_connection(session), TRY_TURN, patience)


def take_long_turn(connection: psycopg.Connection[Any]) -> None:
    """Until the connection ends, let no other register, activate or drop a model."""
    _wait_for_turn(connection, TRY_LONG_TURN, math.inf)


def _wait_for_turn(connection: psycopg.Connection[Any], attempt: str, patience: float) -> None:
    until = time.monotonic() + patience
    # Waiting inside a statement would hold a snapshot that a drop may wait for; in a transaction,
    # so does a prepared statement after its end.
    while connection.execute(attempt, prepare=False).fetchone() == (False,):
        if time.monotonic() > until:
            raise LookalikeError(
                "another command is registering, activating or dropping a model, which may wait "
                "for long queries: try again when it is done"
            )
        time.sleep(POLL_SECONDS)


def require_free(
    session: Session, name: str, way_out: str = "choose another name with --as"
) -> None:
    """Make sure that no model has a name.

    Raises:
        LookalikeError: one has; the text ends with the way out.
    """
    if any(model.name == name for model in list_models(session)):
        raise LookalikeError(f"a model called {name!r} is registered already: {way_out}")


def raw_connection(session: Session) -> psycopg.Connection[Any]:
    """Return the psycopg connection under a session, in the session's transaction."""
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
