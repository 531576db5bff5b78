"""Postgres: where it is, how to reach it, and what its tables are."""

from app.database.connection import Database, open_database
from app.database.query import query
from app.database.tables import Base, Catalog, Embedding, EmbeddingJob, EmbeddingModel, Item

__all__ = [
    "Base",
    "Catalog",
    "Database",
    "Embedding",
    "EmbeddingJob",
    "EmbeddingModel",
    "Item",
    "open_database",
    "query",
]
