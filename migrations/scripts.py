"""Running the SQL that the revisions consist of."""

from importlib.resources import files

from alembic import op


def run(name: str) -> None:
    """Run `sql/NAME.sql` on the connection of the revision under way."""
    text = files("migrations").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # Straight to the driver: SQLAlchemy would read :name in the text as a parameter.
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
