"""Errors as `application/problem+json` (RFC 9457)."""

import logging
import re
from collections.abc import Sequence

import psycopg
import psycopg_pool
from flask import Flask, Response, jsonify, make_response, render_template, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES

from app.database.errors import map_database_error, one_line
from app.errors import LookalikeError
from app.http.tracing import request_id
from app.items.cursors import CursorError
from app.items.parameters import ParameterError
from app.search.errors import (
    NoModelError,
    NotAnImageError,
    NotEmbeddedError,
    QueryError,
    UnknownItemError,
)

log = logging.getLogger(__name__)

TYPE = "application/problem+json"

MACHINE_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths for programs, which get JSON; people get a page elsewhere."""

STATUSES: dict[type[Exception], int] = {
    UnknownItemError: 404,
    NotEmbeddedError: 409,
    CursorError: 422,
    ParameterError: 422,
    NotAnImageError: 415,
    QueryError: 422,
    NoModelError: 503,
    LookalikeError: 503,
}

SCHEMA = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedObject,
)
SCHEMA_DETAIL = "the database's schema is not current: run `lookalike db upgrade`"

AVAILABILITY = (psycopg.OperationalError, psycopg_pool.PoolTimeout, *SCHEMA)
AVAILABILITY_DETAIL = "the database can't be reached: try again in a moment"
TIMEOUT_DETAIL = "the database took longer than its statement_timeout allows: try again in a moment"

REFUSED = re.compile(
    r'unknown filter "(?P<unknown>[^"]*)"|filter (?P<filter>\w+) is|(?P<argument>\w+) is\b'
)
"""The start of the SQL functions' messages about invalid parameters."""


class Problem(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what is wrong with this request, and the way out")
    parameters: list[str] | None = Field(default=None, description="the parameters at fault")

    @classmethod
    def of(cls, status: int, detail: str, parameters: Sequence[str] | None = None) -> "Problem":
        """Return the problem of a status."""
        title = HTTP_STATUS_CODES.get(status, "Error")
        at_fault = None if parameters is None else list(parameters)
        return cls(title=title, status=status, detail=detail, parameters=at_fault)


def problem(status: int, detail: str, parameters: Sequence[str] | None = None) -> Response:
    """Return the response to a request that failed: JSON for programs, a page for people."""
    found = Problem.of(status, detail, parameters)
    if not request.path.startswith(MACHINE_PATHS):
        page = render_template("problem.html", title=found.title, status=status, detail=detail)
        return make_response(page, status)
    return _json(found)


def machine_problem(status: int, detail: str, parameters: Sequence[str] | None = None) -> Response:
    """Return the response to a request that failed, as JSON whoever asked."""
    return _json(Problem.of(status, detail, parameters))


def _json(found: Problem) -> Response:
    response = jsonify(found.model_dump(exclude_none=True))
    response.status_code = found.status
    response.content_type = TYPE
    return response


def _at_fault(error: LookalikeError) -> list[str] | None:
    """Return the names of the parameters that an error is about."""
    if isinstance(error, CursorError):
        return ["cursor"]
    if isinstance(error, ParameterError):
        return error.parameters
    return [error.parameter] if isinstance(error, QueryError) else None


def status_of(error: LookalikeError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def register_problems(app: Flask) -> None:
    """Register the error handlers of the app."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:  # a response of our own, or a redirect
            return make_response(error.response)
        response = problem(error.code or 500, error.description or "")
        for name, value in error.get_headers(request.environ):
            if name != "Content-Type":
                response.headers[name] = value
        return response

    @app.errorhandler(LookalikeError)
    def expected_error(error: LookalikeError) -> Response:
        return problem(status_of(error), str(error), _at_fault(error))

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        megabytes = (request.max_content_length or 0) / 1e6
        detail = f"more than the {megabytes:g} MB that this server takes at once"
        if request.mimetype == "multipart/form-data":
            detail += f", or than the {(request.max_form_memory_size or 0) / 1e6:g} MB of a text"
        return problem(413, detail)

    @app.errorhandler(psycopg.errors.InvalidParameterValue)
    def refused_by_sql(error: psycopg.errors.InvalidParameterValue) -> Response:
        detail = one_line(error)
        named = REFUSED.match(detail)
        if named is None:  # not a parameter, but a setting of the database, for instance
            log.error("%s", detail)
            return problem(503, detail)
        return problem(422, detail, [named["unknown"] or named["filter"] or named["argument"]])

    @app.errorhandler(psycopg.Error)
    @app.errorhandler(psycopg_pool.PoolTimeout)
    def database_error(error: Exception) -> Response:
        failure = map_database_error(error)
        if not isinstance(error, AVAILABILITY):
            return unexpected(error)
        log.error("%s", failure)
        app.extensions["revive_database"]()
        # The details are for the operator, in the log.
        detail = AVAILABILITY_DETAIL
        if isinstance(error, SCHEMA):
            detail = SCHEMA_DETAIL
        elif isinstance(error, psycopg.errors.QueryCanceled):
            detail = TIMEOUT_DETAIL
        response = problem(503, detail)
        response.headers["Retry-After"] = "2"
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error in request %s", request_id(), exc_info=error)
        return problem(
            500, f"something unexpected went wrong; the server's log says what: {request_id()}"
        )
