"""How a database's schema differs from the one that this version creates, object by object.

The expected schema is created, empty, in a scratch schema inside a transaction that is rolled back;
then both are described and compared. So `migrations/sql` is the only definition of each function,
view and index, and what `apply_attributes` derives from the catalog is compared as well.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from app.database.active_view import show_active_model
from app.database.connection import without_timeouts
from app.database.objects import PARTS, missing_derived_objects, schema_name, script
from app.database.query import query

SCRATCH = "lookalike_check"
ROLES = ("lookalike_analyst", "lookalike_api", "lookalike_worker")
ROLE_SETTINGS = (
    "hnsw.iterative_scan",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_read_only",
)

Right = tuple[str, str, str, str]
"""Role, privilege, kind of object, object."""


class Expected(NamedTuple):
    """The schema that this version creates."""

    objects: dict[str, str]
    """Definitions by kind and name, such as `view item_embeddings`."""
    rights: list[Right]


def find_differences(connection: psycopg.Connection[Any]) -> list[str]:
    """Compare the schema with the one that this version creates.

    Args:
        connection: of the schema's owner, who may create a schema in the database.

    Returns:
        What is missing or different, such as `view duplicate_items is missing`. Objects that
        others have added are ignored.

    Raises:
        psycopg.errors.InsufficientPrivilege: the role may not create a schema in this database.
        psycopg.errors.ReadOnlySqlTransaction: nobody may, as on a standby.
    """
    without_timeouts(connection)
    # On some servers definitions are shown in other words than on that which made them.
    connection.execute("SELECT set_config('quote_all_identifiers', 'off', true)")
    expected = expected_schema(connection)
    found = _describe(connection)
    differences = [
        f"{name} is {'missing' if name not in found else 'different'}"
        for name, definition in expected.objects.items()
        if found.get(name) != definition
    ]
    partitions = [name for name in missing_derived_objects(connection) if name.startswith("table ")]
    differences += [f"{name} is missing" for name in partitions]
    if connection.execute("SELECT to_regtype('halfvec')").fetchone() == (None,):
        differences.insert(0, "extension vector is missing")
    return [
        *_without_parts(differences),
        *_lacking_rights(connection, expected.rights),
        *_missing_roles(connection),
    ]


def expected_schema(connection: psycopg.Connection[Any]) -> Expected:
    """Describe the schema that this version creates for the attributes and model of this database.

    Args:
        connection: as for `find_differences`.
    """
    with connection.transaction(force_rollback=True):
        _create_scratch(connection)
        rights = connection.execute(
            query(__package__, "list_granted_rights"), {"roles": list(ROLES)}
        )
        return Expected(_describe(connection), rights.fetchall())


def _create_scratch(connection: psycopg.Connection[Any]) -> None:
    """Create the scratch schema, and set the transaction's search path to it."""
    here = schema_name(connection)
    row = connection.execute(query(__package__, "fetch_vector_schema")).fetchone()
    vector = row[0] if row is not None else here
    scratch = sql.Identifier(SCRATCH)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(scratch))
    connection.execute(
        sql.SQL("SET LOCAL search_path = {}, {}").format(scratch, sql.Identifier(vector))
    )
    connection.execute(query(__package__, "create_revision_table"))
    for part in PARTS:
        connection.execute(script(part))
        if part == "tables":
            _copy_declaration(connection, here)
        elif part == "views":
            with _ignoring_damage(connection):
                show_active_model(connection, here)


def _copy_declaration(connection: psycopg.Connection[Any], here: str) -> None:
    with _ignoring_damage(connection):
        connection.execute(
            query(__package__, "copy_attributes").format(schema=sql.Identifier(here))
        )
    # In this type attributes are in the order in which they were first declared.
    columns = connection.execute(
        query(__package__, "list_result_attributes"),
        [sql.Identifier(here, "similar_item").as_string(connection)],
    ).fetchall()
    for name, type_name in columns:
        statement = sql.SQL("ALTER TYPE similar_item ADD ATTRIBUTE {} {}")
        connection.execute(statement.format(sql.Identifier(name), sql.SQL(type_name)))


@contextmanager
def _ignoring_damage(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Ignore what a damaged schema lacks: the comparison reports it."""
    with suppress(psycopg.ProgrammingError), connection.transaction():
        yield


def _describe(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the definitions of the objects in the schema that is first on the search path."""
    row = connection.execute("SELECT quote_ident(%s) || '.'", [schema_name(connection)]).fetchone()
    assert row is not None  # noqa: S101
    prefix = re.compile(rf"(?<!\w){re.escape(row[0])}")  # a schema `ext` is not in "this text."
    rows = connection.execute(query(__package__, "describe_schema")).fetchall()
    return {name: prefix.sub("", definition) for name, definition in rows}


def _without_parts(differences: list[str]) -> list[str]:
    """Leave out the columns and constraints of tables, views and types that are missing."""
    gone = {line.split()[1] for line in differences if line.startswith(("table ", "view ", "type "))
            and line.endswith("missing")}  # fmt: skip
    return [
        line
        for line in differences
        if not (
            (line.startswith("column ") and line.split()[1].partition(".")[0] in gone)
            or (line.startswith("constraint ") and line.split()[3] in gone)
        )
    ]


def _lacking_rights(connection: psycopg.Connection[Any], promised: list[Right]) -> list[str]:
    names = ("roles", "privileges", "kinds", "objects")
    columns = zip(*promised, strict=True) if promised else ([], [], [], [])
    parameters = {name: list(column) for name, column in zip(names, columns, strict=True)}
    rows = connection.execute(query(__package__, "list_lacking_rights"), parameters).fetchall()
    return [
        f"role {role} lacks {privilege} on {', '.join(row[2] for row in group)}"
        for (role, privilege), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


def _missing_roles(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        query(__package__, "list_missing_roles"),
        {"roles": list(ROLES), "settings": list(ROLE_SETTINGS)},
    ).fetchall()
    return [f"{name} is missing" for (name,) in rows]
