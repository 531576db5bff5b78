"""Following a request: its id in the answer, the log and its SQL; its time; the slow ones."""

import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from flask import Flask, Response, g, has_request_context, request
from psycopg.sql import Composable

from app.errors import in_one_line
from app.logs import log_event

HEADER = "X-Request-ID"

ENVIRON_KEY = "lookalike.request_id"
"""Under which the log of requests finds the id."""

ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def register_tracing(app: Flask, slow_seconds: float) -> None:
    """Give each request of the app an id and a clock, and log those that take longer."""
    app.before_request(_begin)

    def end(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        seconds = time.perf_counter() - g.get("begun", time.perf_counter())
        if seconds > slow_seconds:
            log_event(
                "slow_request",
                f"{request.method} {in_one_line(request.path)} took {seconds:.2f} s, "
                f"{sql_seconds():.2f} s of them in SQL (request {request_id()})",
                logging.WARNING,
                method=request.method,
                path=request.path,
                seconds=round(seconds, 4),
                sql_seconds=round(sql_seconds(), 4),
                request_id=request_id(),
            )
        return response

    app.after_request(end)


def request_id() -> str:
    """Return the id of the request: the client's, if it sent a usable one, else a random one."""
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.is_traced = ACCEPTED.fullmatch(given) is not None
        g.request_id = given if g.is_traced else secrets.token_hex(8)
        request.environ[ENVIRON_KEY] = g.request_id
    return str(g.request_id)


def sql_seconds() -> float:
    """Return how long the request has waited for statements so far."""
    return float(g.get("sql_seconds", 0.0))


def _begin() -> None:
    g.begun = time.perf_counter()
    request_id()


class TracedCursor(psycopg.Cursor[Any]):
    """A cursor that adds up a request's time in SQL.

    Where the client named its request, the statement begins with a comment of that name, which
    `pg_stat_activity` and the server's log show. Without one it stays the same text, which can stay
    prepared.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Run a statement."""
        if not has_request_context():
            return super().execute(query, params, **options)
        if g.get("is_traced"):
            text = query.as_bytes(self) if isinstance(query, Composable) else query
            text = text.encode() if isinstance(text, str) else text
            query = b"/* request %s */ %s" % (request_id().encode(), text)
        with _timed():
            return super().execute(query, params, **options)


@contextmanager
def _timed() -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        g.sql_seconds = sql_seconds() + time.perf_counter() - begun
