"""Postgres: addresses, connections, locks and the schema."""

from app.database.connection import Database, connect, open_database
from app.database.query import query

__all__ = ["Database", "connect", "open_database", "query"]
