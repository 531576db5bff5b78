"""Applying a profile: the database gets the columns, filters and views that it declares."""

from dataclasses import dataclass
from typing import Any

import psycopg

from app.catalog.attributes import Catalog, load_catalog
from app.catalog.profile import Attribute, Profile, parse_profile
from app.database import query
from app.database.connection import without_timeouts
from app.errors import LookalikeError

LOCK_TIMEOUT = "5s"
"""How long a change of columns waits for running queries; new queries wait behind it."""


@dataclass(frozen=True)
class Changes:
    """What applying a profile changed."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    """Attributes that were dropped, or whose type changed, with their values."""
    redeclared: tuple[str, ...]
    """Attributes that kept their column and changed otherwise."""

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.dropped or self.redeclared)


def apply_profile(
    connection: psycopg.Connection[Any], profile: Profile, *, drop: bool = False
) -> Changes:
    """Declare a profile's attributes. The caller commits.

    Args:
        connection: of the schema's owner.
        profile: what to declare.
        drop: drop the attributes that the profile lacks, with their values.

    Returns:
        What changed.

    Raises:
        LookalikeError: attributes would be dropped, the role doesn't own the schema, a view depends
            on what would be dropped, or queries locked the table for too long.
    """
    with connection.transaction():
        _require_owner(connection)
        changes = compare_declaration(load_catalog(connection), profile)
        if changes.dropped and not drop:
            raise LookalikeError(
                f"{profile.name} lacks, or gives another type to, {', '.join(changes.dropped)}: "
                "--drop lets these attributes go, with their values"
            )
        if changes:
            _declare(connection, profile)
        connection.execute(query(__package__, "update_profile"), {"profile": profile.text})
    return changes


def stored_profile(connection: psycopg.Connection[Any]) -> Profile | None:
    """Return the profile that was applied last, None before the first."""
    row = connection.execute(query(__package__, "fetch_profile")).fetchone()
    return None if row is None or row[0] is None else parse_profile(row[0], "of the database")


def compare_declaration(catalog: Catalog, profile: Profile) -> Changes:
    """Return what applying a profile would change."""
    old = {attribute.name: attribute for attribute in catalog.attributes}
    new = {attribute.name: attribute for attribute in profile.attributes}
    retyped = {name for name in old.keys() & new.keys() if old[name].type != new[name].type}
    kept = [name for name in new if name in old and name not in retyped]
    moved = kept != [name for name in old if name in new and name not in retyped]
    return Changes(
        added=tuple(name for name in new if name not in old or name in retyped),
        dropped=tuple(name for name in old if name not in new or name in retyped),
        redeclared=tuple(n for n in kept if moved or _declaration(old[n]) != _declaration(new[n])),
    )


def _declare(connection: psycopg.Connection[Any], profile: Profile) -> None:
    without_timeouts(connection)  # an index on a column of a large catalog takes long to build
    connection.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
    connection.execute(query(__package__, "delete_attributes"))
    for ordinal, attribute in enumerate(profile.attributes, start=1):
        connection.execute(
            query(__package__, "insert_attribute"),
            {**_declaration(attribute), "ordinal": ordinal},
        )
    try:
        connection.execute("CALL apply_attributes()")
    except psycopg.errors.DependentObjectsStillExist as error:
        detail = (error.diag.message_detail or str(error)).splitlines()[0]
        raise LookalikeError(
            f"{detail}: drop what depends on it, or keep the attribute in {profile.name}"
        ) from None
    except psycopg.errors.LockNotAvailable:
        raise LookalikeError(
            f"other transactions have held the table items for {LOCK_TIMEOUT}: end them, or apply "
            "the profile again later"
        ) from None


def _declaration(attribute: Attribute) -> dict[str, Any]:
    """Return an attribute's fields in the database: all but its column in the source."""
    return attribute.model_dump(exclude={"column"})


def _require_owner(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(query(__package__, "fetch_profile_privileges")).fetchone()
    if row is not None and not row[0]:
        raise LookalikeError(
            "only the owner of lookalike's tables can change the attributes: connect as that role"
        )
