"""Errors as `application/problem+json` (RFC 9457): one shape, whatever went wrong."""

import logging
from typing import Any

import psycopg
import psycopg_pool
from flask import Flask, Response, jsonify, make_response, render_template, request
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES

from app.errors import LookalikeError
from app.items.attributes import Filters
from app.items.cursors import CursorError
from app.search.errors import (
    NoModelError,
    NotAnImageError,
    NotEmbeddedError,
    QuestionError,
    UnknownItemError,
)

log = logging.getLogger(__name__)

MACHINE_PATHS = ("/api/", "/healthz", "/readyz", "/openapi.json", "/docs/openapi.json")
"""Where programs ask; elsewhere a person does, and gets a page."""

STATUSES: dict[type[Exception], int] = {
    UnknownItemError: 404,
    NotEmbeddedError: 409,
    CursorError: 422,
    NotAnImageError: 415,
    QuestionError: 422,
    NoModelError: 503,
    LookalikeError: 503,
}


class Problem(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    """The status in words."""
    status: int
    detail: str
    """What is wrong with this request, and the way out."""
    parameters: list[str] | None = None
    """The parameters at fault."""


PROBLEM_CONTENT = {
    "description": "What went wrong",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def problem(status: int, detail: str, parameters: list[str] | None = None) -> Response:
    """Build the answer to a request that failed: JSON for programs, a page for people."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    if not request.path.startswith(MACHINE_PATHS):
        return make_response(
            render_template("problem.html", title=title, status=status, detail=detail), status
        )
    body = Problem(title=title, status=status, detail=detail, parameters=parameters)
    response = jsonify(body.model_dump(exclude_none=True))
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def invalid(error: ValidationError) -> Response:
    """Answer a request whose parameters don't fit their model."""
    names = [".".join(str(part) for part in found["loc"]) for found in error.errors()]
    details = []
    for name, found in zip(names, error.errors(), strict=True):
        if found["type"] == "extra_forbidden":
            known = ", ".join(Filters.model_fields)
            details.append(f"{name}: no such parameter here; filters, where it takes any: {known}")
        elif found["type"] == "missing":
            details.append(f"{name}: it is missing")
        else:
            reason = found["msg"].removeprefix("Value error, ")
            details.append(f"{name}: {reason}, not {str(found['input'])[:60]!r}")
    return problem(422, "; ".join(details), sorted(set(names)))


def _at_fault(error: LookalikeError) -> list[str] | None:
    """Return the parameters that an error is about."""
    if isinstance(error, CursorError):
        return ["cursor"]
    return [error.parameter] if isinstance(error, QuestionError) else None


def register_problems(app: Flask) -> None:
    """Make every failure of the app a problem."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:  # an answer made by ourselves, or a redirect
            return make_response(error.response)
        response = problem(error.code or 500, error.description or "")
        for name, value in error.get_headers(request.environ):
            if name == "Allow":
                response.headers[name] = value
        return response

    @app.errorhandler(LookalikeError)
    def known_error(error: LookalikeError) -> Response:
        status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
        return problem(status, str(error), _at_fault(error))

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        megabytes = (request.max_content_length or 0) / 1e6
        detail = f"more than the {megabytes:g} MB that this server takes at once"
        if request.mimetype == "multipart/form-data":
            detail += f", or than the {(request.max_form_memory_size or 0) / 1e6:g} MB of a text"
        return problem(413, detail)

    @app.errorhandler(psycopg.errors.UndefinedTable)
    @app.errorhandler(psycopg.errors.UndefinedFunction)
    def no_schema(_error: Exception) -> Response:
        return problem(503, "the database's schema is not current: run `lookalike db upgrade`")

    @app.errorhandler(psycopg.OperationalError)
    @app.errorhandler(psycopg_pool.PoolTimeout)
    def no_database(error: Exception) -> Response:
        log.error("database unavailable: %s", error)
        app.extensions["revive_database"]()
        response = problem(503, "the database can't be reached: try again in a moment")
        response.headers["Retry-After"] = "2"
        return response

    @app.errorhandler(DBAPIError)
    def no_database_orm(error: DBAPIError) -> Any:
        if error.orig is None:
            return unexpected(error)
        return app.handle_user_exception(error.orig)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error", exc_info=error)
        return problem(500, "something unexpected went wrong; the server's log says what")
