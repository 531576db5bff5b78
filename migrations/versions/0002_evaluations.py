"""The figures that `lookalike evaluate` measures, so that a change shows.

Revision ID: 0002
Revises: 0001
"""

from migrations.scripts import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    run("evaluations.v1")


def downgrade() -> None:
    """Drop it, the figures included."""
    run("evaluations.v1.down")
