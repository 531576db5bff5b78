"""Postgres: where it is, how to reach it, and what its schema is."""

from app.database.connection import Database, connect, open_database
from app.database.query import query

__all__ = ["Database", "connect", "open_database", "query"]
