"""What a database has to be, for lookalike to use it: said in one line where it isn't."""

from typing import Any

import psycopg

from app.database.query import query
from app.errors import LookalikeError


def require_usable(connection: psycopg.Connection[Any]) -> None:
    """Make sure that pgvector and our tables are on the search path.

    Args:
        connection: to the database.

    Raises:
        LookalikeError: one isn't; the text has the statement that mends it.
    """
    row = connection.execute(query(__package__, "search_path")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate
    path, vector, tables, way_out = row
    for what, schema in (("pgvector", vector), ("lookalike's tables", tables)):
        if schema is not None:
            verb = "is" if what == "pgvector" else "are"
            raise LookalikeError(
                f"{what} {verb} in the schema {schema}, which is not on the search path of this "
                f"connection ({path}): run {way_out}, and connect again"
            )
