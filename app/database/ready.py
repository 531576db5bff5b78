"""Opening a database whose schema is current."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.database import schema
from app.database.connection import Database, open_database
from app.settings import Settings


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """Open the database for the length of the block, and check its schema.

    An embedded server without a schema is migrated first.

    Raises:
        LookalikeError: the server can't be reached, or its schema is not this version's.
    """
    with open_database(settings) as database:
        if settings.database_url is None and schema.current(database) is None:
            from app.database import migrate  # with Alembic, which other commands don't need

            migrate.upgrade(database)
        schema.check(database)
        yield database
