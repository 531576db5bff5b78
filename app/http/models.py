"""Models and counts over HTTP."""

from datetime import datetime
from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from app.database import query
from app.embedding_models import list_models
from app.http.context import connection, database
from app.http.problems import PROBLEM_CONTENT

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


class Models(BaseModel):
    """All registered embedding models, oldest first."""

    models: list[Model]


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


@blueprint.get("/models", summary="Embedding models", responses={"200": Models})
def models() -> dict[str, Any]:
    """The registered models; searches use the active one."""
    with database().session() as session:
        rows = [Model.model_validate(row) for row in list_models(session)]
    return Models(models=rows).model_dump(mode="json")


@blueprint.get("/stats", summary="Counts and progress", responses={"200": Stats})
def stats() -> dict[str, Any]:
    """How many products there are, and how far each model has come with them."""
    with connection() as borrowed:
        counts = borrowed.cursor(row_factory=class_row(Counts))
        row = counts.execute(query("app.items", "count_items")).fetchone()
        assert row is not None  # noqa: S101 - an aggregate gives a row
        progress = borrowed.cursor(row_factory=class_row(Progress))
        rows = progress.execute(query("app.embedding_models", "progress")).fetchall()
    return Stats(**row.model_dump(), models=rows).model_dump(mode="json")
