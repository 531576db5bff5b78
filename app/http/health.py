"""Health checks: whether the process is up, and whether it is ready."""

from flask import Blueprint, Response, abort
from pydantic import BaseModel

from app.database import schema
from app.http.answers import send
from app.http.context import connection, context
from app.http.openapi import Operation, always, operation
from app.http.problems import problem
from app.models import active_model
from app.search.errors import NoModelError

TAG = "service"

blueprint = Blueprint("health", __name__)


class Health(BaseModel):
    """The process is up."""

    status: str = "up"


class Readiness(BaseModel):
    """Database, schema and active model are usable."""

    status: str = "ready"
    model: str


@blueprint.get("/healthz")
@operation(Operation("get_health", "Is the process up?", TAG, always(Health), problems=[]))
def healthz() -> Response:
    """Responds while the process runs."""
    return send(Health())


@blueprint.get("/readyz")
@operation(Operation("get_readiness", "Can it answer?", TAG, always(Readiness), problems=[503]))
def readyz() -> Response:
    """Responds 200 if searches work, else 503 with the reason."""
    if context().draining():
        abort(problem(503, "this server is about to stop: ask another"))
    # One connection for all checks: the pool is small, and this runs every few seconds.
    with connection() as borrowed:
        schema.check_on(borrowed)
        model = active_model(borrowed)
    if model is None:
        raise NoModelError
    return send(Readiness(model=model.name))
