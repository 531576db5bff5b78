"""Models and counts over HTTP."""

from datetime import datetime
from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from app.database import query as statement
from app.http.context import connection, database
from app.http.problems import PROBLEM_CONTENT
from app.items import cursors
from app.items.attributes import Text
from app.models import list_models

MODELS = cursors.digest("models")
"""What a cursor of this list is marked with."""

blueprint = APIBlueprint(
    "models",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="service", description="What the service holds, and how it is")],
    abp_responses={"503": PROBLEM_CONTENT},
)


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

    limit: int = Field(default=20, ge=1, le=100, description="models a page, at most")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


class Models(BaseModel):
    """A page of the registered embedding models, oldest first."""

    models: list[Model]
    next_cursor: str | None = Field(description="null on the last page")


class Progress(BaseModel):
    """How far a model has come: items = embedded + pending + failed."""

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


@blueprint.get(
    "/models", summary="Embedding models", responses={"200": Models, "422": PROBLEM_CONTENT}
)
def models(query: ModelsQuery) -> dict[str, Any]:
    """A page of the registered models; searches use the active one."""
    after = 0 if query.cursor is None else cursors.decode(query.cursor, MODELS, 1)[0]
    with database().session() as session:
        rows = list_models(session, after, query.limit + 1)
        page = [Model.model_validate(row) for row in rows[: query.limit]]
        last = rows[len(page) - 1].model_id if len(rows) > query.limit else None
    next_cursor = None if last is None else cursors.encode((last,), MODELS)
    return Models(models=page, next_cursor=next_cursor).model_dump(mode="json")


@blueprint.get("/stats", summary="Counts and progress", responses={"200": Stats})
def stats() -> dict[str, Any]:
    """How many products there are, and how far each model has come with them."""
    with connection() as borrowed:
        counts = borrowed.cursor(row_factory=class_row(Counts))
        row = counts.execute(statement("app.items", "count_items")).fetchone()
        assert row is not None  # noqa: S101 - an aggregate gives a row
        progress = borrowed.cursor(row_factory=class_row(Progress))
        rows = progress.execute(statement("app.models", "progress")).fetchall()
    return Stats(**row.model_dump(), models=rows).model_dump(mode="json")
