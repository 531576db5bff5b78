"""Which tables, views and functions there should be, by name: a check that costs little."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from app.database.query import query

PARTS = ("tables", "functions", "views", "attributes", "rights")
"""The files of `migrations/sql` that make objects of the schema, in order."""

_RELATION = re.compile(r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW|SEQUENCE|TYPE) (\w+)", re.MULTILINE)
_ROUTINE = re.compile(r"^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (\w+)\(", re.MULTILINE)
_OVERVIEW = re.compile(r"CALL apply_overview\('(\w+)'")


def missing_objects(connection: psycopg.Connection[Any]) -> list[str]:
    """Name the tables, views and functions that this version needs and the database lacks.

    Args:
        connection: of any role, to a database with the newest revision.

    Returns:
        Such as `function search_candidates`; columns of attributes and vectors' tables of models
        included. Empty where the schema is whole, as far as names can tell.
    """
    relations, routines = _names()
    parameters = {
        "relations": list(relations),
        "routines": list(routines),
        "counts": list(routines.values()),
    }
    missing = connection.execute(query(__package__, "missing_objects"), parameters).fetchall()
    names = [f"{kind} {name}" for kind, name in missing]
    if not any(f"table {name}" in names for name in ("items", "attributes", "embedding_models")):
        derived = connection.execute(query(__package__, "missing_derived_objects")).fetchall()
        names += [f"{kind} {name}" for kind, name in derived]
    return names


def script(part: str) -> bytes:
    """Return the statements of a file of `migrations/sql`."""
    return files("migrations").joinpath("sql", f"{part}.sql").read_bytes()


@cache
def _names() -> tuple[dict[str, None], dict[str, int]]:
    """Return the relations, and the routines with how many of a name there are."""
    relations: dict[str, None] = {}
    routines: dict[str, int] = {}
    for part in PARTS:
        text = script(part).decode()
        relations |= dict.fromkeys([*_RELATION.findall(text), *_OVERVIEW.findall(text)])
        for name in _ROUTINE.findall(text):
            routines[name] = routines.get(name, 0) + 1
    return relations, routines
