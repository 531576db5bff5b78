"""The catalog, the vectors, the queue and the similarity search.

Revision ID: 0001
Revises:
"""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PARTS = ("tables.v1", "views.v1", "filter_items.v1", "similar_items.v1")


def upgrade() -> None:
    """Create everything."""
    for part in PARTS:
        _run(part)


def downgrade() -> None:
    """Drop everything, the vectors included."""
    for part in reversed(PARTS):
        _run(f"{part}.down")


def _run(name: str) -> None:
    text = files("migrations").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read :name in the text as a parameter.
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
