"""Opening a database that is meant to be used, not migrated."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.database import schema
from app.database.connection import Database, open_database
from app.settings import Settings


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """Open the database and make sure of its schema, for the length of the block.

    An embedded server that is still empty gets its schema here: nobody else looks after it.

    Raises:
        LookalikeError: the server can't be reached, or its schema is not this version's.
    """
    with open_database(settings) as database:
        if settings.database_url is None and schema.current(database) is None:
            schema.upgrade(database)
        schema.check(database)
        yield database
