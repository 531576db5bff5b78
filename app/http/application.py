"""Making the Flask application."""

import logging

from flask import Response, redirect
from flask_openapi3 import Info, OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from app import __version__
from app.database import Database, embedded
from app.database.connection import database_url
from app.encoders.cache import EncoderCache
from app.errors import LookalikeError
from app.http import health, items, models, pages, searches
from app.http.problems import Problem, invalid, register_problems
from app.settings import Settings, get_settings

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> OpenAPI:
    """Make the application, its pool of connections open: call it after a fork, not before.

    Args:
        settings: those of the environment by default.
    """
    settings = settings or get_settings()
    app = OpenAPI(
        "app.http",
        info=Info(title="lookalike", version=__version__, description=DESCRIPTION),
        doc_prefix="/docs",
        validation_error_callback=invalid,
        validation_error_model=Problem,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    database = Database(database_url(settings), settings)
    database.open()
    app.extensions["database"] = database
    app.extensions["settings"] = settings
    app.extensions["encoders"] = EncoderCache(settings.home)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mb * 1_000_000
    app.extensions["revive_database"] = lambda: _revive(settings)
    register_problems(app)
    for api in (items, searches, models, health):
        app.register_api(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.add_url_rule("/openapi.json", "openapi_json", lambda: app.api_doc)
    app.add_url_rule("/docs", "docs", _docs)
    app.after_request(_secure)
    return app


DESCRIPTION = "Products that look like a given one, by the cosine of their photos' embeddings."


def _docs() -> BaseResponse:
    return redirect("/docs/swagger")


def _secure(response: Response) -> Response:
    # A catalog's files are served as what they are said to be, never guessed at.
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _revive(settings: Settings) -> None:
    """Start the embedded server again if it is ours and has died."""
    if settings.database_url is None:
        try:
            embedded.start(settings.home)
        except LookalikeError as error:
            log.error("%s", error)
