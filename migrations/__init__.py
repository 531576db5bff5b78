"""The database schema, as a chain of Alembic revisions."""
