"""The schema's revision: what the database has, what this version needs, and the way there."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.database.connection import Database
from app.errors import LookalikeError


@cache
def required() -> str:
    """Return the newest revision in this package."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(database: Database) -> str | None:
    """Return the revision that the database is at, None where it has no schema."""
    with database.engine.connect() as connection:
        return _revision(connection)


def check(database: Database) -> None:
    """Make sure that the schema is the one this version needs.

    Raises:
        LookalikeError: it is missing, older or newer; the text says what to do.
    """
    with database.engine.connect() as connection:
        check_on(connection)


def check_on(connection: Connection) -> None:
    """Make sure of the schema on a connection that is already borrowed.

    Raises:
        LookalikeError: as `check` does.
    """
    have, need = _revision(connection), required()
    if have == need:
        return
    if have is None:
        raise LookalikeError("the database has no schema yet: run `lookalike db upgrade`")
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if have in known:
        raise LookalikeError(
            f"the schema is at revision {have} and this version needs {need}: "
            "run `lookalike db upgrade`"
        )
    raise LookalikeError(
        f"the schema is at revision {have}, which this version ({need}) doesn't know: "
        "install the newer lookalike that made it"
    )


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision.

    Raises:
        LookalikeError: the server refused, such as for want of the extension or of a right.
    """
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; `base` drops everything.

    Raises:
        LookalikeError: the server refused.
    """
    _run(database, command.downgrade, revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _run(database: Database, action: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    try:
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            action(config, revision)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        way_out = ""
        if 'extension "vector"' in reason:
            way_out = (
                ": install pgvector 0.8 or later on that server, "
                "or have its owner run CREATE EXTENSION vector"
            )
        raise LookalikeError(
            f"the server refused the change of schema ({reason}){way_out}"
        ) from None
    except CommandError as error:
        raise LookalikeError(f"no such revision: {error}") from None
    # Connections opened before the extension came don't know its types.
    database.pool.drain()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config
