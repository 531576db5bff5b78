"""The catalog, the vectors, the queue, the similarity search, roles and rights.

Revision ID: 0001
Revises:
"""

from migrations.scripts import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("tables", "functions", "views", "words", "attributes", "roles", "rights")


def upgrade() -> None:
    """Create everything."""
    for part in PARTS:
        run(part)


def downgrade() -> None:
    """Drop everything, the vectors included; the roles belong to the whole cluster and stay."""
    run("downgrade")
