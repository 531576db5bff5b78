"""The catalog, the vectors, the queue, the search, and the roles.

Revision ID: 0001
Revises:
"""

from migrations.scripts import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    for part in ("tables", "functions", "views", "attributes", "roles"):
        run(part)


def downgrade() -> None:
    """Drop everything, the vectors included; the roles belong to the whole cluster and stay."""
    run("downgrade")
