"""Near-identical pairs in the catalog.

Revision ID: 0003
Revises: 0002
"""

from importlib.resources import files

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the view and the index behind it."""
    _run("duplicates.v1")


def downgrade() -> None:
    """Drop them."""
    _run("duplicates.v1.down")


def _run(name: str) -> None:
    text = files("migrations").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read :name in the text as a parameter.
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
