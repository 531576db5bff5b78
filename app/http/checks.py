"""What is checked of every request before its view: host, parameters, the body's type, ranges."""

import re
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, current_app, request

from app.http.openapi import Operation
from app.http.problems import machine_problem, problem

UNKNOWN_HOST = (
    "this server isn't called by that name: its operator lists its names in LOOKALIKE_HOSTS"
)


def check_names(app: Flask, names: Sequence[str] | None) -> None:
    """Register the check of the `Host`.

    Args:
        app: the application.
        names: by which it answers, `.example.com` for any name below that one; None: by any.
    """
    if names is not None:
        app.before_request(lambda: _check_host(names))


def register_checks(app: Flask) -> None:
    """Register the other checks of the app."""
    app.before_request(_check_parameters)
    app.before_request(_check_body)
    app.before_request(_ignore_unknown_ranges)


def current_operation() -> Operation | None:
    """Return what the document says of the requested view; None if it isn't in the document."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    found = getattr(view, "operation", None)
    return found if isinstance(found, Operation) else None


def _check_host(names: Sequence[str]) -> Response | None:
    """Refuse other names: a web page may have its own lead here, to read what is local."""
    # Werkzeug's own check knows no IPv6 addresses.
    host = re.sub(r":\d+$", "", request.host.lower())
    if any(host == name or (name.startswith(".") and host.endswith(name)) for name in names):
        return None
    return machine_problem(400, UNKNOWN_HOST)


def _check_parameters() -> Response | None:
    """Refuse parameters where there are none; other views check theirs by a model."""
    found = current_operation()
    if found is None or found.parameters or not request.args:
        return None
    name = next(iter(request.args))[:80]
    return problem(422, f"{name}: no such parameter here", [name])


def _check_body() -> Response | None:
    """Refuse a body of a type that the view doesn't take.

    A browser sends `text/plain` for any page without asking this server first, but not JSON.
    """
    found = current_operation()
    if found is None or not found.bodies or request.mimetype in found.bodies:
        return None
    taken = " or ".join(found.bodies)
    given = (
        f"not {request.mimetype[:80]}" if request.mimetype else "and its Content-Type is missing"
    )
    response = problem(415, f"this takes {taken}, {given}")
    response.headers["Accept-Post"] = ", ".join(found.bodies)
    return response


def _ignore_unknown_ranges() -> None:
    # As RFC 9110 (14.2) has it; werkzeug would answer 416.
    if "Range" in request.headers and (request.range is None or request.range.units != "bytes"):
        request.environ.pop("HTTP_RANGE")
