"""Creating the Flask application."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from flask import Flask, Response, jsonify, redirect, render_template, send_from_directory, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

from app.catalog.attributes import Catalog
from app.database import Database, embedded
from app.database.connection import database_url
from app.encoders.cache import EncoderCache
from app.errors import LookalikeError
from app.http import health, items, models, pages, search_page, searches
from app.http.addresses import SkuConverter, prefix
from app.http.context import KEY, Context, with_catalog
from app.http.openapi import document
from app.http.problems import register_problems
from app.settings import Settings, get_settings

log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    draining: Callable[[], bool] = lambda: False,
    encoders: EncoderCache | None = None,
) -> Flask:
    """Create the application and open its pool of connections. Call it after a fork, not before.

    Args:
        settings: from the environment by default.
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
    database.open()
    app.extensions["database"] = database
    encoders = encoders or EncoderCache(settings.home)
    app.extensions[KEY] = Context(settings, database, encoders, draining)
    app.extensions["revive_database"] = lambda: _revive(settings)
    register_problems(app)
    for part in (items, searches, models, health, pages, search_page):
        app.register_blueprint(part.blueprint)
    _add_documentation(app)
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
        return jsonify(document(app, catalog, prefix()))

    def docs() -> str:
        return render_template("docs.html")

    app.add_url_rule("/openapi.json", "openapi_json", openapi_json)
    app.add_url_rule("/docs/", "docs", docs)
    app.add_url_rule("/docs", "docs_without_slash", lambda: redirect(url_for("docs")))
    app.add_url_rule(
        "/docs/<path:file>", "docs_file", lambda file: send_from_directory(folder, file)
    )


def _secure(response: Response) -> Response:
    # Browsers must not guess the type of a catalog's files.
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _revive(settings: Settings) -> None:
    """Restart the embedded server, if it is used and has died."""
    if settings.database_url is None:
        try:
            embedded.start(settings.home)
        except LookalikeError as error:
            log.error("%s", error)
