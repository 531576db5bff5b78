"""Mending a schema that lost something, such as in a restore by a role with few rights."""

import re
from typing import Any

import psycopg

from app.database.active_view import show_active_model
from app.database.connection import without_timeouts
from app.database.locks import Lock, lock
from app.database.objects import script
from app.database.query import query

RERUN = ("functions", "views", "attributes", "roles", "rights")
"""The files of `migrations/sql` that may be run again, in order."""

_MADE = re.compile(r"^CREATE (TYPE|SEQUENCE|INDEX|UNIQUE INDEX) (\w+)")


def repair(connection: psycopg.Connection[Any]) -> None:
    """Make functions, views, indexes, comments, roles and rights what they should be.

    What held rows, a table or a column, is left as it is: only a backup has those.

    Args:
        connection: of the schema's owner; the caller commits.
    """
    without_timeouts(connection)
    lock(connection, Lock.SCHEMA)
    connection.execute("SELECT set_config('lock_timeout', '10s', true)")
    _repair_tables(connection)
    for part in RERUN:
        connection.execute(script(part))
        if part == "views":
            schema = connection.execute(query(__package__, "our_schema")).fetchone()
            show_active_model(connection, schema[0] if schema else "public")


def _repair_tables(connection: psycopg.Connection[Any]) -> None:
    # No body of a function here, so that a semicolon at a line's end ends a statement.
    for statement in re.split(r";\s*\n", script("tables").decode()):
        text = re.sub(r"^(?:\s*--.*\n|\s*\n)*", "", statement).strip()
        made = _MADE.match(text)
        if text.startswith("COMMENT ON") or (made and not _exists(connection, made[2])):
            connection.execute(text.encode())


def _exists(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)
