"""A cache of the catalog's declaration, for long-running processes."""

import time
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Protocol

import psycopg

from app.catalog.attributes import Catalog, load_catalog

MAX_AGE = 1.0
"""Seconds for which a cached declaration is used without asking the database."""

OUTDATED = (
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.FeatureNotSupported,  # "cached plan must not change result type"
    psycopg.errors.InternalError_,  # "cache lookup failed", "tuple concurrently updated"
)
"""Errors of statements that run while `catalog apply` changes their columns."""


class Lender(Protocol):
    """An object that lends connections, such as a `Database`."""

    def connection(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        """Lend a connection for the length of a block."""


class CatalogCache:
    """The declaration of one database, for all threads of a process.

    Args:
        max_age: seconds until the database is asked whether it has changed.
    """

    def __init__(self, max_age: float = MAX_AGE) -> None:
        self._max_age = max_age
        self._lock = Lock()
        self._catalog: Catalog | None = None
        self._checked = 0.0

    def get(self, database: Lender) -> Catalog:
        """Return the declaration, read again if it has changed.

        One thread asks the database; meanwhile the others use the cached declaration.
        """
        catalog = self._catalog
        if catalog is not None and time.monotonic() < self._checked + self._max_age:
            return catalog
        if not self._lock.acquire(blocking=catalog is None):
            assert catalog is not None  # noqa: S101 - else we would have waited for the lock
            return catalog
        try:
            return self._refresh(database)
        finally:
            self._lock.release()

    def reload(self, database: Lender) -> Catalog:
        """Read the declaration again, and return it."""
        with self._lock:
            self._catalog = None
            return self._refresh(database)

    def _refresh(self, database: Lender) -> Catalog:
        checked = time.monotonic()
        catalog = self._catalog
        if catalog is None or checked >= self._checked + self._max_age:
            with database.connection() as connection:
                found = load_catalog(connection)
            # The same object while nothing has changed, since models are cached by it.
            if catalog is None or found.version != catalog.version:
                catalog = found
            self._catalog, self._checked = catalog, checked
        return catalog
