"""Registering a model, with the partition for its vectors, and dropping it again."""

from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.database import Database, EmbeddingModel, query
from app.embedding_models.activation import show, show_none
from app.embedding_models.rows import get_model, list_models, raw_connection
from app.encoders.registry import Backbone
from app.errors import LookalikeError


def partition_name(model_id: int) -> str:
    """Return the name of the table that holds a model's vectors."""
    return f"embeddings_{model_id}"


def add(session: Session, backbone: Backbone, name: str, weights_sha256: str) -> EmbeddingModel:
    """Register a model; the first of a database becomes active. The caller commits.

    Raises:
        LookalikeError: the name is taken.
    """
    # Two at once wait for each other: only one may be the first.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("embedding_models"))))
    registered = list_models(session)
    if any(model.name == name for model in registered):
        raise LookalikeError(
            f"a model called {name!r} is registered: choose another name with --as"
        )
    model = EmbeddingModel(
        name=name,
        backbone=backbone.name,
        pooling=backbone.pooling,
        dimensions=backbone.dimensions,
        input_size=backbone.input_size,
        preprocessing=f"{backbone.resize} resize, {backbone.preprocessing}",
        weights_sha256=weights_sha256,
        precision="float32",
        active=not registered,
    )
    session.add(model)
    session.flush()
    connection = raw_connection(session)
    connection.execute(
        query(__package__, "create_partition").format(
            partition=sql.Identifier(partition_name(model.model_id)),
            model_id=sql.Literal(model.model_id),
            dimensions=sql.Literal(model.dimensions),
            comment=sql.Literal(f"Vectors of the model {name}"),
        )
    )
    if model.active:
        show(connection, model)
    return model


def drop(database: Database, name: str) -> None:
    """Drop a model, its vectors and its jobs, without making readers of other models wait.

    Raises:
        LookalikeError: there is no such model, or it is the active one of several.
    """
    with database.session() as session:
        model = get_model(session, name)
        if model.active and len(list_models(session)) > 1:
            raise LookalikeError(f"{name} is active: activate another model first")
        if model.active:
            show_none(raw_connection(session))
        session.commit()
        # The row goes last, so that a drop cut short can be run again.
        drop_partition(database, model.model_id)
        session.delete(model)
        session.commit()


def drop_partition(database: Database, model_id: int) -> None:
    """Detach and drop a model's partition; finish a detachment that was cut short."""
    name = sql.Identifier(partition_name(model_id))
    with database.connection() as connection:
        connection.rollback()
        connection.autocommit = True
        try:
            row = connection.execute(
                query(__package__, "partition_state"), {"partition": partition_name(model_id)}
            ).fetchone()
            if row is None:
                return
            attached, half_detached = row
            if attached:
                how = sql.SQL("FINALIZE" if half_detached else "CONCURRENTLY")
                connection.execute(
                    sql.SQL("ALTER TABLE embeddings DETACH PARTITION {} {}").format(name, how)
                )
            connection.execute(sql.SQL("DROP TABLE {}").format(name))
        finally:
            connection.autocommit = False
