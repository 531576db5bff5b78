"""Changing the schema with Alembic: upgrading, downgrading and repairing it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from app.database.connection import Database, connect
from app.database.errors import map_database_error
from app.database.objects import repair_objects
from app.errors import LookalikeError

logger = logging.getLogger(__name__)


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
