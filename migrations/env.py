"""Alembic's environment: an upgrade is one transaction, and only one runs at a time."""

from typing import Any, cast

import psycopg
from alembic import context
from sqlalchemy import Connection

from app.database.connection import database_url, without_timeouts
from app.database.locks import Lock, lock
from app.database.migrate import engine, warnings_logged
from app.settings import get_settings

LOCK_TIMEOUT = "10s"
"""Later queries wait behind a change of schema that waits for a long query, so it gives up."""


def migrate(connection: Connection) -> None:
    """Run the revisions of an Alembic command on one connection."""
    with connection.begin():
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        without_timeouts(driver)
        lock(driver, Lock.SCHEMA)
        driver.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        context.configure(connection=connection)
        with warnings_logged(driver), context.begin_transaction():
            context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with engine(database_url(get_settings())).connect() as own:
        migrate(own)
