"""What a view needs of the application it runs in."""

from contextlib import AbstractContextManager
from typing import Any

import psycopg
from flask import current_app

from app.database import Database
from app.encoders.cache import EncoderCache
from app.settings import Settings


def database() -> Database:
    """Return the application's database."""
    found = current_app.extensions["database"]
    assert isinstance(found, Database)  # noqa: S101
    return found


def connection() -> AbstractContextManager[psycopg.Connection[Any]]:
    """Lend a connection for the length of a view."""
    return database().connection()


def encoders() -> EncoderCache:
    """Return where the application keeps the active model's encoder."""
    found = current_app.extensions["encoders"]
    assert isinstance(found, EncoderCache)  # noqa: S101
    return found


def settings() -> Settings:
    """Return the application's settings."""
    found = current_app.extensions["settings"]
    assert isinstance(found, Settings)  # noqa: S101
    return found
