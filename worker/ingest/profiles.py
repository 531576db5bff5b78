"""Choosing an ingest's profile, and checking that the database has its attributes."""

from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from app.catalog.apply import apply_profile, stored_profile
from app.catalog.attributes import load_catalog
from app.catalog.profile import Profile, load_profile, parse_profile
from app.errors import LookalikeError
from worker.sources import default_profile, inspect_source


class Choice(NamedTuple):
    """The profile of an ingest, and a message that says which it is."""

    profile: Profile
    note: str


def choose_profile(
    connection: psycopg.Connection[Any],
    source: str,
    given: str | None = None,
    sql: str | None = None,
    *,
    update: bool = False,
) -> Choice:
    """Return the profile to read a source with.

    The given one; else the database's, if it is for such a source; else the dataset's for its
    folder; else one proposed by inspecting the source.

    Args:
        connection: may be in a transaction.
        source: as for `open_source`.
        given: file or name of a profile.
        sql: the query, if the source is a database.
        update: whether the source may lack attributes.

    Raises:
        LookalikeError: the given profile is invalid, the source has no products, or it has other
            attributes than the database; the text says what to run.
    """
    if given is not None:
        return Choice(load_profile(given), f"the profile is {given}")
    default, stored = default_profile(source), stored_profile(connection)
    if default is not None and (stored is None or stored.text == default.text):
        return Choice(default, f"the profile is {default.name}, part of lookalike")
    is_folder = Path(source).is_dir()
    if stored is not None and (stored.source.format == "dataset") == is_folder:
        return Choice(stored, "the profile is the database's own: --profile FILE names another")
    if default is not None:
        return Choice(default, f"the profile is {default.name}, part of lookalike")
    found = inspect_source(source, query=sql)
    inspected = parse_profile(found.profile_text, found.name)
    if stored is not None:
        _require_attributes(
            connection,
            inspected,
            f"the database's profile is for another format, {stored.source.format}; write one for "
            f"{found.name} with `lookalike catalog inspect --write FILE`, edit it, and run "
            "`lookalike catalog apply FILE`",
            update=update,
        )
    return Choice(
        inspected,
        f"no profile was given: {described(inspected)}; "
        "`lookalike catalog inspect` writes one to edit",
    )


def described(profile: Profile) -> str:
    """Say in short which columns a profile maps."""
    fields = profile.source.model_dump(
        exclude={"format", "delimiter", "more_photos"}, exclude_defaults=True
    )
    mapped = [f"{field} is {column!r}" for field, column in fields.items()]
    mapped += [f"more_photos is {column!r}" for column in profile.source.more_photos]
    names = [attribute.name for attribute in profile.attributes]
    return ", ".join([*mapped, f"attributes: {', '.join(names)}" if names else "no attributes"])


def declare_attributes(
    connection: psycopg.Connection[Any], profile: Profile, *, update: bool
) -> None:
    """Check that the database has a profile's attributes; apply the first profile.

    Args:
        connection: in a transaction.
        profile: the ingest's profile.
        update: allow the profile to leave out attributes, which stay as they are.

    Raises:
        LookalikeError: the database has other attributes; the text says what to run.
    """
    if stored_profile(connection) is None:
        apply_profile(connection, profile)
        return
    advice = f"run `lookalike catalog apply {profile.name}` as the schema's owner first"
    _require_attributes(connection, profile, advice, update=update)


def _require_attributes(
    connection: psycopg.Connection[Any], profile: Profile, advice: str, *, update: bool
) -> None:
    stored = {a.name: a.type for a in load_catalog(connection).attributes}
    wanted = {a.name: a.type for a in profile.attributes}
    for name, type_ in wanted.items():
        if name not in stored:
            raise LookalikeError(f"the database has no attribute {name}: {advice}")
        if stored[name] != type_:
            raise LookalikeError(
                f"the attribute {name} is {stored[name]} in the database and {type_} in "
                f"{profile.name}: {advice}"
            )
    lacking = [name for name in stored if name not in wanted]
    if lacking and not update:
        raise LookalikeError(
            f"{profile.name} doesn't declare the attribute {lacking[0]}, which the database has: "
            f"{advice}; or ingest with --update to leave it as it is"
        )
