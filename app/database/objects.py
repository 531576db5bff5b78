"""The objects of the schema: finding those that are missing, and recreating them."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from app.database.active_view import show_active_model
from app.database.connection import without_timeouts
from app.database.locks import Lock, lock
from app.database.query import query

PARTS = ("tables", "functions", "views", "words", "attributes", "rights")
"""The files of `migrations/sql` that create objects of the schema, in order."""

RERUN = ("functions", "views", "words", "attributes", "roles", "rights")
"""The files of `migrations/sql` that may be run again, in order."""

_RELATION = re.compile(r"^CREATE (?:OR REPLACE )?(TABLE|VIEW|SEQUENCE|TYPE) (\w+)", re.MULTILINE)
_ROUTINE = re.compile(r"^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (\w+)\(", re.MULTILINE)
_OVERVIEW = re.compile(r"CALL apply_overview\('(\w+)'")
_CREATED = re.compile(r"^CREATE (TYPE|SEQUENCE|INDEX|UNIQUE INDEX) (\w+)")


def missing_objects(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the extension, tables, views and functions that the database lacks for this version.

    Args:
        connection: of any role, to a database with the newest revision.

    Returns:
        Such as `function search_candidates`, with the columns of attributes and the partitions of
        models. Empty if none is missing; definitions are not compared.
    """
    relations, routines = _names()
    parameters = {
        "relations": list(relations),
        "kinds": list(relations.values()),
        "routines": list(routines),
        "counts": list(routines.values()),
    }
    missing = connection.execute(query(__package__, "list_missing_objects"), parameters).fetchall()
    return [f"{kind} {name}" for kind, name in missing] + missing_derived_objects(connection)


def missing_derived_objects(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the columns and views of attributes, and the partitions of models, that are missing.

    Args:
        connection: of any role.

    Returns:
        Such as `table embeddings_1`. Empty if a table that says what there should be is missing.
    """
    if not all(_exists(connection, name) for name in ("items", "attributes", "embedding_models")):
        return []
    missing = connection.execute(query(__package__, "list_missing_derived_objects")).fetchall()
    return [f"{kind} {name}" for kind, name in missing]


def repair_objects(connection: psycopg.Connection[Any]) -> None:
    """Recreate functions, views, indexes, comments, roles and rights.

    Missing tables and columns are not recreated: only a backup has their rows.

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
            show_active_model(connection, schema_name(connection))


def schema_name(connection: psycopg.Connection[Any]) -> str:
    """Return the name of the schema that our tables are in."""
    row = connection.execute(query(__package__, "fetch_schema_name")).fetchone()
    return "public" if row is None else str(row[0])


def script(part: str) -> bytes:
    """Return the statements of a file of `migrations/sql`."""
    return files("migrations").joinpath("sql", f"{part}.sql").read_bytes()


@cache
def _names() -> tuple[dict[str, str], dict[str, int]]:
    """Return the relations with their kinds, and the routines with the number of overloads."""
    relations: dict[str, str] = {}
    routines: dict[str, int] = {}
    for part in PARTS:
        text = script(part).decode()
        relations |= {name: kind.lower() for kind, name in _RELATION.findall(text)}
        relations |= dict.fromkeys(_OVERVIEW.findall(text), "view")
        for name in _ROUTINE.findall(text):
            routines[name] = routines.get(name, 0) + 1
    return relations, routines


def _repair_tables(connection: psycopg.Connection[Any]) -> None:
    # The file has no function bodies, so a semicolon at the end of a line ends a statement.
    for statement in re.split(r";\s*\n", script("tables").decode()):
        text = re.sub(r"^(?:\s*--.*\n|\s*\n)*", "", statement).strip()
        created = _CREATED.match(text)
        if text.startswith("COMMENT ON") or (created and not _exists(connection, created[2])):
            connection.execute(text.encode())
            if created and created[2] == "item_ids":
                connection.execute(query(__package__, "continue_item_ids"))


def _exists(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)
