"""The catalog, the vectors, the queue and the similarity search.

Revision ID: 0001
Revises:
"""

from migrations.scripts import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("tables.v1", "views.v1", "filter_items.v1", "similar_items.v1")


def upgrade() -> None:
    """Create everything."""
    for part in PARTS:
        run(part)


def downgrade() -> None:
    """Drop everything, the vectors included."""
    for part in reversed(PARTS):
        run(f"{part}.down")
