"""Hand-written SQL: each statement a file, in the `sql` folder of the package that runs it."""

from functools import cache
from importlib.resources import files

from psycopg import sql


@cache
def query(package: str, name: str) -> sql.SQL:
    """Return the statement in `sql/NAME.sql` of a package.

    Args:
        package: dotted name of the package, usually `__package__` of the caller.
        name: the file's name without its ending.
    """
    text = files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    # Part of the package, so as trustworthy as the literal that psycopg's type asks for.
    return sql.SQL(text)
