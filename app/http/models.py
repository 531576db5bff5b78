"""Models and counts over HTTP."""

from datetime import datetime

from flask import Blueprint, Response
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.filters import Text
from app.database import query as statement
from app.http.answers import query_parameters, send
from app.http.context import connection
from app.http.openapi import Operation, always, operation
from app.items import cursors
from app.items.parameters import read_parameters
from app.models import list_models

MODELS = cursors.digest("models")
"""Marks the cursors of this list."""

TAG = "service"

blueprint = Blueprint("models", __name__, url_prefix="/api/v1")


class Model(BaseModel):
    """A registered embedding model."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    active: bool
    backbone: str
    pooling: str
    dimensions: int
    input_size: int
    preprocessing: str
    precision: str
    weights_sha256: str
    created_at: datetime


class ModelsQuery(BaseModel):
    """Which of the models to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="maximum number of models")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


class Models(BaseModel):
    """A page of the registered embedding models, oldest first."""

    models: list[Model]
    next_cursor: str | None = Field(description="null on the last page")


class Progress(BaseModel):
    """How far a model has come with the photos: items = embedded + pending + failed."""

    name: str
    active: bool
    items: int
    embedded: int
    pending: int
    failed: int
    percent: float


class Counts(BaseModel):
    """How many products there are."""

    items: int
    with_photo: int
    removed: int


class Stats(Counts):
    """Counts and progress."""

    models: list[Progress]


@blueprint.get("/models")
@operation(
    Operation(
        "list_models",
        "Embedding models",
        TAG,
        always(Models),
        parameters=[always(ModelsQuery)],
    )
)
def models() -> Response:
    """A page of the registered models; searches use the active one."""
    asked = read_parameters(ModelsQuery, query_parameters())
    after = 0 if asked.cursor is None else cursors.decode(asked.cursor, MODELS, 1)[0]
    with connection() as borrowed:
        rows = list_models(borrowed, after, asked.limit + 1)
    page = [Model.model_validate(row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    next_cursor = cursors.encode((rows[len(page) - 1].model_id,), MODELS) if more else None
    return send(Models(models=page, next_cursor=next_cursor))


@blueprint.get("/stats")
@operation(Operation("get_stats", "Counts and progress", TAG, always(Stats), problems=[503]))
def stats() -> Response:
    """How many products there are, and how far each model has come with their photos."""
    with connection() as borrowed:
        counts = borrowed.cursor(row_factory=class_row(Counts))
        row = counts.execute(statement("app.items", "count_items")).fetchone()
        assert row is not None  # noqa: S101 - an aggregate gives a row
        progress = borrowed.cursor(row_factory=class_row(Progress))
        rows = progress.execute(statement("app.models", "list_progress")).fetchall()
    return send(Stats(**row.model_dump(), models=rows))
