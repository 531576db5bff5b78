"""Registering a model, with the partition for its vectors."""

from psycopg import sql
from sqlalchemy.orm import Session

from app.database import EmbeddingModel, query
from app.encoders.precision import Precision
from app.encoders.registry import Backbone
from app.models.activation import show
from app.models.rows import active_model, raw_connection, require_free, take_turns


def partition_name(model_id: int) -> str:
    """Return the name of the table that holds a model's vectors."""
    return f"embeddings_{model_id}"


def add(
    session: Session,
    backbone: Backbone,
    name: str,
    weights_sha256: str,
    precision: Precision = Precision.AUTO,
) -> EmbeddingModel:
    """Register a model; it becomes active where none is. The caller commits.

    Raises:
        LookalikeError: the name is taken.
    """
    take_turns(session)  # only one may become active
    require_free(session, name)
    model = EmbeddingModel(
        name=name,
        backbone=backbone.name,
        pooling=backbone.pooling,
        dimensions=backbone.dimensions,
        input_size=backbone.input_size,
        preprocessing=backbone.described_preprocessing(),
        weights_sha256=weights_sha256,
        precision=precision,
        active=active_model(session) is None,
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
