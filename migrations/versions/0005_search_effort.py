"""How hard a search tries: enough for a query outside its filter, and as an operator sets.

Revision ID: 0005
Revises: 0004
"""

from migrations.scripts import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the search."""
    run("search_candidates.v2")


def downgrade() -> None:
    """Search as before."""
    run("search_candidates.v2.down")
