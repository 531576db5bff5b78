"""The schema's revision, and whether the database has it.

Alembic, which changes it, is in `migrate`: importing it takes as long as most commands.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from app.database.connection import Database
from app.database.objects import missing_objects
from app.database.query import query
from app.errors import LookalikeError


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions in this package, oldest first: what their files' names begin with."""
    names = (file.name for file in files("migrations").joinpath("versions").iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name[0].isdigit()))


def required() -> str:
    """Return the newest revision in this package."""
    return revisions()[-1]


def current(database: Database) -> str | None:
    """Return the database's revision, None if it has no schema."""
    with database.connection() as connection:
        return current_on(connection)


def current_on(connection: psycopg.Connection[Any]) -> str | None:
    """Return the revision of a connection's database, None if it has no schema."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute(query(__package__, "fetch_revision")).fetchone()
    return None if row is None else str(row[0])


def check(database: Database) -> None:
    """Check the schema's revision, and that no object is missing.

    Raises:
        LookalikeError: it is missing, older, newer or incomplete; the text says what to do.
    """
    with database.connection() as connection:
        check_on(connection)


def check_revision(database: Database) -> None:
    """Check the schema's revision only.

    Raises:
        LookalikeError: the schema is missing, older or newer; the text says what to do.
    """
    with database.connection() as connection:
        _require_revision(connection)


def check_on(connection: psycopg.Connection[Any]) -> None:
    """Check the schema as `check` does, on a connection of any role.

    Raises:
        LookalikeError: as `check` does.
    """
    _require_revision(connection)
    missing = missing_objects(connection)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise LookalikeError(
            f"the schema lacks {', '.join(missing[:3])}{more}: run `lookalike db upgrade`, which "
            "mends it, or says what it can't"
        )


def _require_revision(connection: psycopg.Connection[Any]) -> None:
    have, need = current_on(connection), required()
    if have == need:
        return
    if have is None:
        raise LookalikeError("the database has no schema yet: run `lookalike db upgrade`")
    if have in revisions():
        raise LookalikeError(
            f"the schema is at revision {have} and this version needs {need}: "
            "run `lookalike db upgrade`"
        )
    raise LookalikeError(
        f"the schema is at revision {have}, which this version ({need}) doesn't know: "
        "install the newer lookalike that made it"
    )
