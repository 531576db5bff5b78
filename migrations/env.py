"""What Alembic runs: each revision in a transaction of its own, one upgrade at a time."""

from alembic import context
from sqlalchemy import Connection, text

from app.database import Base, open_database
from app.settings import get_settings

UPGRADE_LOCK = 0x100CA11C
"""Advisory lock that two upgrades at once wait for; any fixed number will do."""


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the partitions that come and go with the models."""
    return not (kind == "table" and name is not None and name.startswith("embeddings_"))


def migrate(connection: Connection) -> None:
    """Run the revisions that Alembic asks for, over one connection."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
    # A change of schema that waits for a long query must not make all later queries wait for it.
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=is_ours,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": UPGRADE_LOCK})
        connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with open_database(get_settings()) as database, database.engine.connect() as own:
        migrate(own)
