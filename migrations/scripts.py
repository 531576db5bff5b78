"""Running the files of `migrations/sql` in a revision."""

from importlib.resources import files

from alembic import op


def script(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("migrations").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def run(name: str) -> None:
    """Run `sql/NAME.sql` on the connection of the current revision."""
    # Straight to the driver: SQLAlchemy would read :name in the text as a parameter.
    op.get_bind().exec_driver_sql(script(name).replace("%", "%%"))
