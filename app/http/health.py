"""Whether the process is up, and whether it can answer."""

from typing import Any

from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel

from app.database import schema
from app.http.context import database
from app.http.problems import PROBLEM_CONTENT
from app.models import active_model
from app.search.errors import NoModelError

blueprint = APIBlueprint(
    "health",
    __name__,
    abp_tags=[Tag(name="service", description="What the service holds, and how it is")],
)


class Health(BaseModel):
    """The process is up."""

    status: str = "up"


class Readiness(BaseModel):
    """Database, schema and active model are usable."""

    status: str = "ready"
    model: str


@blueprint.get("/healthz", summary="Is the process up?", responses={"200": Health})
def healthz() -> dict[str, Any]:
    """Answers as long as the process does."""
    return Health().model_dump()


@blueprint.get(
    "/readyz", summary="Can it answer?", responses={"200": Readiness, "503": PROBLEM_CONTENT}
)
def readyz() -> dict[str, Any]:
    """Answers 200 where a search can be answered, else 503 and what is missing."""
    # One connection for all of it: a busy service has few, and is asked this every few seconds.
    with database().session() as session:
        schema.check_on(session.connection())
        model = active_model(session)
    if model is None:
        raise NoModelError
    return Readiness(model=model.name).model_dump()
