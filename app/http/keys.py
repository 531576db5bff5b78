"""Who asks: a key in each request, where the server isn't on loopback alone."""

import time
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import WWWAuthenticate

from app.http.context import connection
from app.http.problems import problem
from app.keys import ApiKey, digest, find_key

OPEN = frozenset(["health.healthz", "health.readyz", "static", "widget"])
"""Endpoints that need no key: for load balancers, and our own files, which hold no data."""

ADMIN = frozenset(["metrics.metrics"])
"""Endpoints that need the scope `admin`."""

KEPT_SECONDS = 5.0
"""How long a process remembers a key: a revoked one opens nothing after that."""

MOST_KEPT = 1000

CHALLENGES = [
    WWWAuthenticate("bearer"),
    # A browser asks for it in a dialog, and sends it with each request of the pages.
    WWWAuthenticate("basic", {"realm": "lookalike", "charset": "UTF-8"}),
]

MISSING = (
    "a key is needed: send it as Authorization: Bearer KEY, or as the password in a browser's "
    "dialog; `lookalike keys create NAME` makes one"
)
UNKNOWN = "this key is unknown or revoked; `lookalike keys create NAME` makes one"


class KeyCache:
    """The keys that were found lately."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[float, ApiKey]] = {}

    def find(self, key: str) -> ApiKey | None:
        """Return what is known of a key; None if it is unknown or revoked."""
        hashed, now = digest(key), time.monotonic()
        kept = self._found.get(hashed)
        if kept is not None and kept[0] > now:
            return kept[1]
        with connection() as borrowed:
            found = find_key(borrowed, hashed)
        if len(self._found) >= MOST_KEPT:
            self._found.clear()
        if found is None:
            self._found.pop(hashed, None)
        else:
            self._found[hashed] = now + KEPT_SECONDS, found
        return found


def register_keys(app: Flask) -> None:
    """Let the app answer requests with a key alone."""
    app.extensions["keys"] = KeyCache()
    app.before_request(_require_key)
    app.after_request(_keep_private)


def caller() -> ApiKey | None:
    """Return the key of the request; None if it has none that is valid, or keys are off."""
    if "caller" not in g:
        keys: Any = current_app.extensions.get("keys")
        given = None if keys is None else _given_key()
        g.caller = None if given is None else keys.find(given)
    found: ApiKey | None = g.caller
    return found


def _require_key() -> Response | None:
    endpoint = request.endpoint
    # Without an endpoint the answer is a 404, or a redirect to one with an endpoint.
    if endpoint is None or endpoint in OPEN or request.method == "OPTIONS":
        return None
    found = caller()
    if found is None:
        response = problem(401, MISSING if _given_key() is None else UNKNOWN)
        response.www_authenticate = CHALLENGES
        return response
    if endpoint in ADMIN and found.scope != "admin":
        return problem(403, "this needs a key of the scope admin")
    return None


def _given_key() -> str | None:
    given = request.authorization
    if given is None:
        return None
    return {"bearer": given.token, "basic": given.password}.get(given.type) or None


def _keep_private(response: Response) -> Response:
    """Let no shared cache keep an answer, since it would give it to others."""
    if request.endpoint not in OPEN:
        response.cache_control.public = False
        response.cache_control.private = True
        response.vary.add("Authorization")
    return response
