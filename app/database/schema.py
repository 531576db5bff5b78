"""The schema's revision: checking, upgrading and repairing it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from app.database.connection import Database, connect
from app.database.errors import map_database_error
from app.database.objects import missing_objects, repair_objects
from app.database.query import query
from app.errors import LookalikeError

logger = logging.getLogger(__name__)


@cache
def required() -> str:
    """Return the newest revision in this package."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


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


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision.

    Raises:
        LookalikeError: the server refused, for lack of the extension or of a right for instance.
    """
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; `base` drops everything.

    Raises:
        LookalikeError: the server refused.
    """
    _run(database, command.downgrade, revision)


def repair(database: Database) -> None:
    """Recreate what the schema lacks: functions, views, indexes, comments, roles, rights.

    Raises:
        LookalikeError: the server refused.
    """
    with _one_line(), database.connection() as connection, warnings_logged(connection):
        repair_objects(connection)


def engine(url: str) -> Engine:
    """Return a SQLAlchemy engine, which Alembic needs, over connections made by `connect`.

    Args:
        url: the database's address.
    """
    return create_engine("postgresql+psycopg://", poolclass=NullPool, creator=lambda: connect(url))


@contextmanager
def warnings_logged(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Log the server's warnings within the block, such as a role that it refuses to create."""

    def log_warning(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            logger.warning("%s", notice.message_primary)

    connection.add_notice_handler(log_warning)
    try:
        yield
    finally:
        connection.remove_notice_handler(log_warning)


def _require_revision(connection: psycopg.Connection[Any]) -> None:
    have, need = current_on(connection), required()
    if have == need:
        return
    if have is None:
        raise LookalikeError("the database has no schema yet: run `lookalike db upgrade`")
    revisions = ScriptDirectory.from_config(_config()).walk_revisions()
    if have in {script.revision for script in revisions}:
        raise LookalikeError(
            f"the schema is at revision {have} and this version needs {need}: "
            "run `lookalike db upgrade`"
        )
    raise LookalikeError(
        f"the schema is at revision {have}, which this version ({need}) doesn't know: "
        "install the newer lookalike that made it"
    )


def _run(database: Database, action: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    with _one_line(), engine(database.url).connect() as connection:
        config.attributes["connection"] = connection
        action(config, revision)
    # Connections opened before the extension was created lack its types.
    database.pool.drain()


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        raise LookalikeError(f"the schema was not changed: {map_database_error(error)}") from None
    except CommandError as error:
        raise LookalikeError(f"no such revision: {error}") from None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config
