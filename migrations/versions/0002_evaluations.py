"""The figures that `lookalike evaluate` measures, so that a change shows.

Revision ID: 0002
Revises: 0001
"""

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    _run("evaluations.v1")


def downgrade() -> None:
    """Drop it, the figures included."""
    _run("evaluations.v1.down")


def _run(name: str) -> None:
    text = files("migrations").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read :name in the text as a parameter.
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
