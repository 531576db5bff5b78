"""Reading the registered models."""

from typing import Any, cast

import psycopg
from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.orm import Session

from app.database import EmbeddingModel
from app.errors import LookalikeError


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


def take_turns(session: Session) -> None:
    """Until the transaction ends, let no other register, activate or drop a model."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("embedding_models"))))


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
