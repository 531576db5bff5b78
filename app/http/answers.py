"""Reading query strings and forms, and responding with a model as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, request
from pydantic import BaseModel

from app.http.addresses import prefix
from app.http.metrics import count_search
from app.items.product import PREFIX

MULTIPART = "multipart/form-data"


def send(model: BaseModel, exclude: set[str] | dict[str, Any] | None = None) -> Response:
    """Return a response with a model as JSON; count it if it is a search.

    Args:
        model: the model.
        exclude: fields to leave out, as pydantic's `model_dump_json` takes them.
    """
    mode = getattr(model, "search", None)
    if mode is not None:
        count_search(mode)
    body = model.model_dump_json(exclude=exclude, context={PREFIX: prefix()})
    return Response(body, mimetype="application/json")


def query_parameters() -> dict[str, Any]:
    """Return the parameters of the query string: a value, or the list of those of one name."""
    return unwrap_single(request.args.lists())


def multipart_fields() -> dict[str, Any]:
    """Return the fields and files of a multipart form; repeated ones as lists."""
    if request.mimetype != MULTIPART:
        return {}  # not parsed: only multipart forms have a limit on the number of fields
    return unwrap_single([*request.form.lists(), *request.files.lists()])


def unwrap_single(fields: Iterable[tuple[str, Sequence[Any]]]) -> dict[str, Any]:
    """Return fields by name: a single value as itself, several as a list."""
    return {name: values[0] if len(values) == 1 else values for name, values in fields}
