"""Creating the Flask application."""

import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from flask import (
    Flask,
    Response,
    jsonify,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from app.catalog.attributes import Catalog
from app.database import Database, embedded
from app.database.connection import database_url
from app.encoders.cache import EncoderCache
from app.errors import LookalikeError
from app.http import (
    compare_page,
    duplicates_page,
    health,
    items,
    models,
    pages,
    search_page,
    searches,
    status_page,
    tray_page,
)
from app.http.addresses import SkuConverter, prefix
from app.http.checks import check_names, register_checks
from app.http.context import KEY, Context, with_catalog
from app.http.keys import register_keys
from app.http.limits import register_limits
from app.http.metrics import register_metrics
from app.http.openapi import document
from app.http.problems import register_problems
from app.http.tracing import TracedCursor, register_tracing
from app.photos.thumbnails import ThumbnailCache
from app.settings import Settings, get_settings

WIDGET_MAX_AGE = 3600
"""Seconds for which browsers keep the strip's script, which a shop has on every page."""

log = logging.getLogger(__name__)

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",  # browsers must not guess the type of a catalog's files
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}

NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what isn't a page: as one, it may load nothing."""


def create_app(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    draining: Callable[[], bool] = lambda: False,
    encoders: EncoderCache | None = None,
) -> Flask:
    """Create the application and open its pool of connections. Call it after a fork, not before.

    Args:
        settings: from the environment by default.
        host: the address that it is served on.
        draining: returns whether the process is about to stop.
        encoders: the cache of the active model's encoder; a new one by default.
    """
    settings = settings or get_settings()
    app = Flask("app.http")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mb * 1_000_000
    app.url_map.converters["sku"] = SkuConverter
    app.url_map.merge_slashes = False  # a sku may hold two in a row
    database = Database(database_url(settings), settings)
    database.pool.kwargs = {
        **cast(dict[str, Any], database.pool.kwargs),
        "cursor_factory": TracedCursor,
    }
    database.open()
    app.extensions["database"] = database
    encoders = encoders or EncoderCache(settings.home)
    thumbnails = ThumbnailCache(
        settings.home / "thumbnails", settings.thumbnail_cache_mb * 1_000_000
    )
    app.extensions[KEY] = Context(settings, database, encoders, draining, thumbnails)
    app.extensions["revive_database"] = lambda: _revive(settings)
    register_problems(app)
    register_tracing(app, settings.slow_seconds)
    register_metrics(app, database)
    check_names(app, settings.host_names(host))
    keys = settings.require_keys(host)
    register_limits(app, settings, keys=keys)
    if keys:
        register_keys(app)
    register_checks(app)
    for part in (
        items,
        searches,
        models,
        health,
        pages,
        search_page,
        tray_page,
        compare_page,
        duplicates_page,
        status_page,
    ):
        app.register_blueprint(part.blueprint)
    _add_documentation(app)
    _share(app, settings.allowed_origins)
    app.after_request(_secure)
    proxies = settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=proxies,
            x_proto=proxies,
            x_host=proxies,
            x_port=proxies,
            x_prefix=proxies,
        )
    return app


def _add_documentation(app: Flask) -> None:
    """Serve the OpenAPI document, and Swagger UI from the installed package."""
    package = find_spec("flask_openapi3_swagger")
    assert package is not None  # noqa: S101 - one of our dependencies
    assert package.origin is not None  # noqa: S101
    folder = Path(package.origin).parent / "templates" / "swagger"

    @with_catalog
    def openapi_json(catalog: Catalog) -> Response:
        described = document(app, catalog, prefix())
        if "keys" in app.extensions:
            schemes = {"key": {"type": "http", "scheme": "bearer"}}
            components = {**described["components"], "securitySchemes": schemes}
            described = {**described, "components": components, "security": [{"key": []}]}
        return jsonify(described)

    def docs() -> str:
        return render_template("docs.html")

    app.add_url_rule("/openapi.json", "openapi_json", openapi_json)
    app.add_url_rule("/docs/", "docs", docs)
    app.add_url_rule("/docs", "docs_without_slash", lambda: redirect(url_for("docs")))
    app.add_url_rule(
        "/docs/<path:file>", "docs_file", lambda file: send_from_directory(folder, file)
    )


def _share(app: Flask, origins: Sequence[str]) -> None:
    """Serve the strip for other sites' pages, and let pages of these origins read the API."""

    def widget() -> Response:
        response = app.send_static_file("widget.js")
        response.cache_control.no_cache = None
        response.cache_control.max_age = WIDGET_MAX_AGE
        return response

    app.add_url_rule("/widget.js", "widget", widget)
    if origins:
        # Preflights are answered for reading alone. Cookies, of which there are none, stay away.
        CORS(
            app,
            resources={r"/api/v1/.*": {"origins": list(origins)}},
            methods=["GET", "HEAD"],
            send_wildcard=True,
            always_send="*" in origins,
        )


def _secure(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if response.mimetype != "text/html":
        response.headers.setdefault("Content-Security-Policy", NOTHING)
    return response


def _revive(settings: Settings) -> None:
    """Restart the embedded server, if it is used and has died."""
    if settings.database_url is None:
        try:
            embedded.start(settings.home)
        except LookalikeError as error:
            log.error("%s", error)
