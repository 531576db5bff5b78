"""API keys: made by `lookalike keys`, checked by the API. The database has their hashes alone."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row
from pydantic import BaseModel

from app.database import query
from app.errors import LookalikeError

Scope = Literal["read", "admin"]

PREFIX = "lk_"
"""Begins every key, so that scanners for leaked secrets know one."""


class ApiKey(BaseModel):
    """A key, without its secret."""

    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None


def create_key(connection: psycopg.Connection[Any], name: str, scope: Scope) -> str:
    """Make a key, and return it: 256 random bits, which no later call can tell.

    Args:
        connection: of the schema's owner; the caller commits.
        name: whose it is.
        scope: what it may.

    Raises:
        LookalikeError: there is a key of that name.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    made = connection.execute(query(__package__, "create_key"), [name, scope, digest(key)])
    if made.rowcount == 0:
        raise LookalikeError(f"there is a key called {name}: choose another name")
    return key


def revoke_key(connection: psycopg.Connection[Any], name: str) -> None:
    """Let a key open nothing any more.

    Args:
        connection: of the schema's owner; the caller commits.
        name: of the key.

    Raises:
        LookalikeError: there is no such key.
    """
    if connection.execute(query(__package__, "revoke_key"), [name]).rowcount == 0:
        raise LookalikeError(f"there is no key called {name}: see `lookalike keys list`")


def list_keys(connection: psycopg.Connection[Any]) -> list[ApiKey]:
    """Return all keys, the oldest first."""
    cursor = connection.cursor(row_factory=class_row(ApiKey))
    return cursor.execute(query(__package__, "list_keys")).fetchall()


def find_key(connection: psycopg.Connection[Any], hashed: bytes) -> ApiKey | None:
    """Return the key of a hash; None if there is none, or it is revoked."""
    cursor = connection.cursor(row_factory=class_row(ApiKey))
    return cursor.execute(query(__package__, "find_key"), [hashed]).fetchone()


def digest(key: str) -> bytes:
    """Return a key's SHA-256. A slow hash would protect nothing more: the key is random."""
    return hashlib.sha256(key.encode()).digest()
