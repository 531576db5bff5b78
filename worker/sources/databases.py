"""A query on any database that SQLAlchemy has a driver for."""

import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.errors import LookalikeError
from worker.sources.frames import ROWS, ColumnFrame, Frame

COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$", re.DOTALL)
READING = ("select", "with", "table", "values")

SETTINGS = {
    # What psycopg reads values by, and a database may have set otherwise.
    "postgresql": (
        "SET TRANSACTION READ ONLY",
        "SET LOCAL DateStyle = 'ISO'",
        "SET LOCAL IntervalStyle = 'postgres'",
        "SET LOCAL client_encoding = 'UTF8'",
    ),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""What is said to a dialect first: not to write, where it knows that."""


def is_database(source: str) -> bool:
    """Return whether a source is the URL of a database."""
    return re.match(r"[a-z][a-z0-9+_]*://", source) is not None and not source.startswith(
        ("http://", "https://", "s3://", "gs://", "file://")
    )


class QueryTable:
    """The rows of a query. See `Table`; a line is the number of a row.

    Args:
        url: of the database, as SQLAlchemy writes it; a libpq URI will do for Postgres.
        query: a SELECT.

    Raises:
        LookalikeError: the database can't be reached, or the query is none, or fails.
    """

    def __init__(self, url: str, query: str | None) -> None:
        self.name = shown_url(url)
        self.root: str | None = None
        self.notes: list[str] = []
        self._query = reading_query(query)
        self._engine = self._make_engine(url)
        self._stream: Iterator[QueryFrame] | None = self._read()
        self._first = next(self._stream)
        self.columns = list(dict.fromkeys(self._first.names))

    def has(self, column: str) -> bool:
        """Return whether the query gives a column."""
        return column in self.columns

    def size(self) -> int | None:
        """Return None: only the database knows."""
        return None

    def frames(self) -> Iterator[Frame]:
        """Read all rows. A query that gives none gives no frame."""
        first, stream = self._first, self._stream
        if stream is None:
            stream = self._read()
            first = next(stream)
        self._stream = None  # read once; whoever wants it again asks the database again
        while True:
            if first.lines:
                yield first
            found = next(stream, None)
            if found is None:
                return
            first = found

    def _make_engine(self, url: str) -> Engine:
        try:
            address = make_url(url)
            if address.drivername in ("postgresql", "postgres"):
                address = address.set(drivername="postgresql+psycopg")
            file = address.database
            in_file = address.get_backend_name() == "sqlite" and file and ":" not in file[:6]
            if in_file and not Path(str(file)).is_file():
                raise LookalikeError(f"there is no file {file}: check the path")
            return create_engine(address, poolclass=NullPool)
        except NoSuchModuleError:
            dialect = url.partition("://")[0]
            raise LookalikeError(
                f"{dialect} is no kind of database that SQLAlchemy knows here: install its dialect"
            ) from None
        except ModuleNotFoundError as error:
            raise LookalikeError(
                f"the driver for {self.name} isn't installed: pip install {error.name}"
            ) from None
        except (ArgumentError, ValueError, TypeError):
            raise LookalikeError(
                "the source is no URL of a database: write it as "
                "postgresql://USER:PASSWORD@HOST/NAME, with what is special in it as %40"
            ) from None

    def _read(self) -> Iterator["QueryFrame"]:
        try:
            with self._engine.connect() as connection:
                yield from self._fetch(connection)
        except DBAPIError as error:
            reason = (str(error.orig).strip().splitlines() or ["it gave no reason"])[0]
            raise LookalikeError(f"the query on {self.name} failed: {self._hide(reason)}") from None
        except (SQLAlchemyError, UnicodeError, NotImplementedError) as error:
            raise LookalikeError(f"can't query {self.name}: {type(error).__name__}") from None

    def _fetch(self, connection: Connection) -> Iterator["QueryFrame"]:
        for statement in SETTINGS.get(self._engine.dialect.name, ()):
            connection.execute(text(statement))
        streaming = connection.execution_options(
            stream_results=True, max_row_buffer=ROWS, no_parameters=True
        )
        with streaming.exec_driver_sql(self._query) as result:
            names = list(result.keys())
            row = 1
            while True:
                rows = result.fetchmany(ROWS)
                yield QueryFrame(row, names, list(zip(*rows, strict=True)), len(rows))
                row += len(rows)
                if len(rows) < ROWS:
                    return

    def _hide(self, reason: str) -> str:
        password = self._engine.url.password
        return reason.replace(str(password), "***") if password else reason


class QueryFrame(ColumnFrame):
    """Rows that a query gave."""

    def __init__(
        self, first: int, names: list[str], columns: list[tuple[object, ...]], count: int
    ) -> None:
        # The first of two columns with one name counts.
        pairs = reversed(list(zip(names, columns, strict=False)))
        super().__init__(range(first, first + count), dict(pairs))
        self.names = names


def reading_query(query: str | None) -> str:
    """Return a query that only reads.

    Raises:
        LookalikeError: there is none, or it is something else.
    """
    if not query or not query.strip():
        raise LookalikeError(
            "a database needs a query: say --query 'SELECT sku, title, image_url FROM products'"
        )
    bare = STRINGS.sub("''", COMMENTS.sub(" ", query)).strip().rstrip(";").strip()
    first = re.match(r"\W*(\w+)", bare)
    if first is None or first[1].lower() not in READING or ";" in bare:
        found = "several statements" if ";" in bare else f"{first[1] if first else 'nothing'!r}"
        raise LookalikeError(f"--query has to be one SELECT, and this is {found}")
    return query.strip().rstrip(";")


def shown_url(url: str) -> str:
    """Return a database's URL as messages may show it.

    Raises:
        LookalikeError: its password holds what should be escaped, so that it can't be told apart.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return url  # a path
    login_and_host, _, path = rest.partition("/")
    login, _, host = login_and_host.rpartition("@")
    if re.search("[@?#]", login) or "@" in path.partition("?")[0]:
        raise LookalikeError(
            "the source's user name or password holds a character that URLs give a meaning: "
            "write @ as %40, / as %2F, : as %3A, ? as %3F and # as %23"
        )
    return f"{scheme}://{host}/{path.partition('?')[0]}"
