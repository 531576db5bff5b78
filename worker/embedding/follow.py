"""Waiting for work: an ingest says on a channel that it has been committed."""

import time
from threading import Event

import psycopg

from app.database import Database
from worker.ingest.ingest import CHANNEL

POLL_SECONDS = 30.0
"""How often to look for work even if nobody says so."""


class Listener:
    """Listens from the moment it is made, so that nothing said while working is missed."""

    def __init__(self, database: Database) -> None:
        self.connection = psycopg.connect(database.url, autocommit=True)
        self.connection.execute(f"LISTEN {CHANNEL}")

    def wait(self, stop: Event) -> bool:
        """Return when an ingest was committed, `POLL_SECONDS` have passed, or `stop` is set.

        Returns:
            Whether there was an ingest.
        """
        until = time.monotonic() + POLL_SECONDS
        while not stop.is_set() and time.monotonic() < until:
            if list(self.connection.notifies(timeout=0.5, stop_after=1)):
                return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self.connection.close()
