"""The distinct values of facets, cached for what needs them with every request."""

import time
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql

from app.catalog.attributes import Catalog
from app.database import query

MAX_AGE = 60.0
"""Seconds for which values are used without asking the database."""

Values = dict[str, tuple[str, ...]]
"""The values of each text facet and of the brand, sorted."""


def list_values(connection: psycopg.Connection[Any], catalog: Catalog) -> Values:
    """Return the values of each text facet, and the brands, that listed products have.

    The cost grows with the number of distinct values, not with that of products.
    """
    names = ["brand_name", *(facet.name for facet in catalog.facets if facet.type == "text")]
    branches = [
        query(__package__, "list_values").format(
            name=sql.Literal(name), column=sql.Identifier("i", name)
        )
        for name in names
    ]
    found: dict[str, list[str]] = {name: [] for name in names}
    for name, value in connection.execute(sql.SQL("\nUNION ALL\n").join(branches)):
        found[name].append(value)
    return {name: tuple(sorted(values)) for name, values in found.items()}


class ValuesCache:
    """The values of one database, for all threads of a process.

    They are read again when the declaration has changed, and after `max_age`.

    Args:
        max_age: in seconds.
    """

    def __init__(self, max_age: float = MAX_AGE) -> None:
        self._max_age = max_age
        self._lock = Lock()
        self._kept: tuple[int, float, Values] | None = None

    def get(self, connection: psycopg.Connection[Any], catalog: Catalog) -> Values:
        """Return the values, at most `max_age` old."""
        kept = self._kept
        if kept is None or kept[0] != catalog.version or time.monotonic() > kept[1] + self._max_age:
            with self._lock:
                kept = catalog.version, time.monotonic(), list_values(connection, catalog)
                self._kept = kept
        return kept[2]
