"""A query on any database that SQLAlchemy has a driver for."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, Engine, Row, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.database.errors import one_line
from app.errors import LookalikeError
from worker.sources.interfaces import ROWS, ColumnFrame, Frame

COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$", re.DOTALL)
READING = ("select", "with", "table", "values")

PACKAGES = {
    "MySQLdb": "mysqlclient, or write mysql+pymysql:// and pip install pymysql",
    "psycopg2": "psycopg2-binary, or write postgresql:// for the driver that is there",
}
"""Packages of drivers that have another name."""

SHOWN = 20
"""Most tables listed in a message."""

PLACES = ("host", "hostaddr", "port", "dbname", "service", "unix_socket")
"""Parameters of a URL that say where its server is, in any dialect."""

SETTINGS = {
    # psycopg parses values in these formats, and a database may have others as its default.
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
"""Statements to run before the query, by dialect: read only, where the dialect can do that."""


class QueryTable:
    """The rows of a query. See `Table`; lines are row numbers.

    Args:
        url: SQLAlchemy's URL of the database; a libpq URI works for Postgres.
        query: a SELECT.

    Raises:
        LookalikeError: the database can't be reached, or the query is not a SELECT, or fails.
    """

    def __init__(self, url: str, query: str | None) -> None:
        self.name = shown_url(url)
        self.root: str | None = None
        self.notes: list[str] = []
        self._engine = self._make_engine(url)
        self._query = reading_query(query, self._tables() if query is None else ())
        # With a server-side cursor a query costs little before its rows are fetched.
        with self._running() as result:
            self.columns = list(dict.fromkeys(result.keys()))

    def has(self, column: str) -> bool:
        """Return whether the result has a column, which may hold JSON."""
        return column in self.columns or column.partition(".")[0] in self.columns

    def size(self) -> int | None:
        """Return None: counting would run the query twice."""
        return None

    def frames(self) -> Iterator[Frame]:
        """Read all rows; no frame if there are none."""
        with self._running() as result:
            names = list(result.keys())
            row = 1
            while rows := result.fetchmany(ROWS):
                yield _frame(row, names, rows)
                row += len(rows)

    def _tables(self) -> list[str]:
        """Return the names of the tables, to write a query about; none if it fails."""
        try:
            return inspect(self._engine).get_table_names()
        except SQLAlchemyError:
            return []

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
                f"SQLAlchemy has no dialect called {dialect} here: install it"
            ) from None
        except ModuleNotFoundError as error:
            raise LookalikeError(
                f"the driver for {self.name} isn't installed: pip install "
                f"{PACKAGES.get(str(error.name), error.name)}"
            ) from None
        except (ArgumentError, ValueError, TypeError):
            raise LookalikeError(
                "the source is not the URL of a database: write it as "
                "postgresql://USER:PASSWORD@HOST/NAME, with what is special in it as %40"
            ) from None

    @contextmanager
    def _running(self) -> Iterator[CursorResult[Any]]:
        """Run the query, in a read-only transaction where the database has such."""
        try:
            with self._engine.connect() as connection:
                for statement in SETTINGS.get(self._engine.dialect.name, ()):
                    connection.execute(text(statement))
                streaming = connection.execution_options(
                    stream_results=True, max_row_buffer=ROWS, no_parameters=True
                )
                with streaming.exec_driver_sql(self._query) as result:
                    yield result
        except DBAPIError as error:
            reason = self._hide(one_line(error))
            raise LookalikeError(f"the query on {self.name} failed: {reason}") from None
        except (SQLAlchemyError, UnicodeError, NotImplementedError) as error:
            raise LookalikeError(f"can't query {self.name}: {type(error).__name__}") from None

    def _hide(self, reason: str) -> str:
        password = self._engine.url.password
        return reason.replace(str(password), "***") if password else reason


def _frame(first: int, names: list[str], rows: Sequence[Row[Any]]) -> ColumnFrame:
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True))
    # Reversed, so that the first of two columns with the same name wins.
    pairs = reversed(list(zip(names, columns, strict=True)))
    return ColumnFrame(range(first, first + len(rows)), dict(pairs))


def reading_query(query: str | None, tables: Sequence[str] = ()) -> str:
    """Check that a query is one statement that only reads, and return it without a semicolon.

    Args:
        query: the statement.
        tables: what could be queried, for the message where the query is missing.

    Raises:
        LookalikeError: it is missing, or something else.
    """
    if not query or not query.strip():
        known = f"; its tables are: {', '.join(tables[:SHOWN])}" if tables else ""
        example = "--query 'SELECT sku, title, image_url FROM products'"
        raise LookalikeError(f"a database needs a query: say {example}{known}")
    bare = STRINGS.sub("''", COMMENTS.sub(" ", query)).strip().rstrip(";").strip()
    first = re.match(r"\W*(\w+)", bare)
    if first is None or first[1].lower() not in READING or ";" in bare:
        found = "several statements" if ";" in bare else f"{first[1] if first else 'nothing'!r}"
        raise LookalikeError(f"--query has to be one SELECT, and this is {found}")
    return query.strip().rstrip(";")


def shown_url(url: str) -> str:
    """Return a database's URL for messages: `***` stands for its user and password.

    `app.database.url.redacted_url` is for Postgres alone; a source may have any dialect, and
    `lookalike catalog inspect` prints this URL in the command to run next. Of the query stays what
    says where the server is.

    Raises:
        LookalikeError: an unescaped character makes the password's end uncertain.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return url  # a path
    login_and_host, _, path = rest.partition("/")
    login, _, host = login_and_host.rpartition("@")
    path, _, options = path.partition("?")
    if re.search("[@?#]", login) or "@" in path + options:
        raise LookalikeError(
            "the source's user name or password holds a character that URLs give a meaning: "
            "write @ as %40, / as %2F, : as %3A, ? as %3F and # as %23"
        )
    places = [each for each in options.split("&") if each.partition("=")[0] in PLACES]
    hidden = "***@" if login else ""
    return f"{scheme}://{hidden}{host}/{path}" + (f"?{'&'.join(places)}" if places else "")
