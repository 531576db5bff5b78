"""Near-identical pairs in the catalog.

Revision ID: 0003
Revises: 0002
"""

from migrations.scripts import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the view and the index behind it."""
    run("duplicates.v1")


def downgrade() -> None:
    """Drop them."""
    run("duplicates.v1.down")
