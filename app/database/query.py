"""Hand-written SQL: each package has a `queries.sql` of named statements."""

import re
from functools import cache
from importlib.resources import files

from psycopg import sql

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def query(package: str, name: str) -> sql.SQL:
    """Return a statement of a package's `queries.sql`.

    Args:
        package: dotted name of the package, usually `__package__` of the caller.
        name: the name after `-- name:` above the statement.

    Raises:
        KeyError: the file has no statement of that name.
    """
    return _queries(package)[name]


@cache
def _queries(package: str) -> dict[str, sql.SQL]:
    text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = NAME.split(text)
    # psycopg's types ask for a literal; a file of the package is as trustworthy.
    return {name: sql.SQL(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
