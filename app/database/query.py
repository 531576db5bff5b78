"""Hand-written SQL: one file a package, `queries.sql`, in which each statement has a name."""

import re
from functools import cache
from importlib.resources import files

from psycopg import sql

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def query(package: str, name: str) -> sql.SQL:
    """Return a statement of a package's `queries.sql`.

    Args:
        package: dotted name of the package, usually `__package__` of the caller.
        name: what stands behind `-- name:` above the statement.

    Raises:
        KeyError: the file has no statement of that name.
    """
    return _queries(package)[name]


@cache
def _queries(package: str) -> dict[str, sql.SQL]:
    text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = NAME.split(text)
    # Part of the package, so as trustworthy as the literal that psycopg's type asks for.
    return {name: sql.SQL(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
