"""The application's shared objects, for views."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from flask import current_app, request

from app.catalog.attributes import Catalog
from app.catalog.cache import OUTDATED, CatalogCache
from app.database import Database
from app.encoders.cache import EncoderCache
from app.items.values import ValuesCache
from app.photos.thumbnails import ThumbnailCache
from app.search.by_photo import PhotoSearch
from app.search.nearest import search_connection
from app.settings import Settings

Path = ParamSpec("Path")
Answer = TypeVar("Answer")

KEY = "lookalike"


@dataclass(frozen=True)
class Context:
    """The application's shared objects, used by all threads."""

    settings: Settings
    database: Database
    encoders: EncoderCache
    draining: Callable[[], bool]
    """Returns whether the process is about to stop."""
    thumbnails: ThumbnailCache
    catalogs: CatalogCache = field(default_factory=CatalogCache)
    values: ValuesCache = field(default_factory=ValuesCache)


def context() -> Context:
    """Return the application's shared objects."""
    found = current_app.extensions[KEY]
    assert isinstance(found, Context)  # noqa: S101
    return found


def connection() -> AbstractContextManager[psycopg.Connection[Any]]:
    """Lend a connection for the length of a view."""
    return context().database.connection()


def searching() -> AbstractContextManager[psycopg.Connection[Any]]:
    """Lend a connection that is set up for searches."""
    return search_connection(context().database)


def asking_once() -> AbstractContextManager[psycopg.Connection[Any]]:
    """Lend a connection that is set up for a search of one statement."""
    return search_connection(context().database, one_statement=True)


def photo_search() -> PhotoSearch:
    """Return what a search by photos needs."""
    return PhotoSearch(context().database, context().encoders)


def current_catalog() -> Catalog:
    """Return the declared attributes, at most a second old."""
    return context().catalogs.get(context().database)


def with_catalog(
    view: Callable[Concatenate[Catalog, Path], Answer],
) -> Callable[Path, Answer]:
    """Pass a view the catalog's declaration; call it again if that has just changed."""

    @wraps(view)
    def answer(*args: Path.args, **path: Path.kwargs) -> Answer:
        try:
            return view(current_catalog(), *args, **path)
        except OUTDATED:
            for files in request.files.listvalues():
                for file in files:
                    file.stream.seek(0)
            reloaded = context().catalogs.reload(context().database)
            return view(reloaded, *args, **path)

    return answer
