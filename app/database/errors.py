"""Database errors in one line, with advice by kind of error."""

from dataclasses import dataclass

import psycopg
import psycopg_pool

from app.errors import LookalikeError

RUN_AGAIN = "run the command again to go on"
UPGRADE = "run `lookalike db upgrade`, and `lookalike db check` to see what is missing"


class DatabaseError(LookalikeError):
    """A failure of the database: what failed, what to do, and whether a retry may succeed."""

    def __init__(self, what: str, advice: str, *, may_pass: bool = False) -> None:
        super().__init__(f"{what}: {advice}")
        self.what = what
        self.advice = advice
        self.may_pass = may_pass


@dataclass(frozen=True)
class _Kind:
    what: str
    advice: str
    may_pass: bool = False


# By SQLSTATE, or its class (the first two characters). The server's message may be in any language,
# so it is shown and never parsed.
_KINDS = {
    "08": _Kind("the connection to the database was lost", RUN_AGAIN, may_pass=True),
    "0A000": _Kind(
        "the server lacks something",
        "for an extension, install pgvector 0.8 or later on the server's machine, then run the "
        "command again",
    ),
    "22023": _Kind("the database refuses a value", "correct it where it was set"),
    "25006": _Kind(
        "the database takes no changes",
        "it is a standby, or default_transaction_read_only is on: name the primary in "
        "DATABASE_URL, or end that setting",
    ),
    "25P03": _Kind(
        "the server ended a transaction that waited too long",
        "raise idle_in_transaction_session_timeout for this role, then " + RUN_AGAIN,
        may_pass=True,
    ),
    "25P04": _Kind(
        "the server ended a transaction that took too long",
        "raise transaction_timeout for this role, then " + RUN_AGAIN,
    ),
    "28": _Kind("the server refuses the user or the password", "correct DATABASE_URL, or the role"),
    "2BP01": _Kind(
        "something else in the database depends on this",
        "drop that first, such as a view of an analyst's, then run the command again",
    ),
    "42P16": _Kind(
        "an object of the schema has another shape", "drop it, then run `lookalike db upgrade`"
    ),
    "3D000": _Kind(
        "there is no such database", "make it with CREATE DATABASE, or correct DATABASE_URL"
    ),
    "40": _Kind("the database undid a transaction that met another", RUN_AGAIN, may_pass=True),
    "42501": _Kind(
        "the database refuses permission",
        "run the command as the owner of lookalike's tables, or as a role that may",
    ),
    "42704": _Kind("the schema lacks something", UPGRADE),
    "42703": _Kind("the schema lacks a column", UPGRADE),
    "42883": _Kind("the schema lacks a function", UPGRADE),
    "42P01": _Kind("the schema lacks a table or view", UPGRADE),
    "3F000": _Kind("the schema lacks something", UPGRADE),
    "53100": _Kind(
        "the disk of the database's server is full", "free space there, then " + RUN_AGAIN
    ),
    "53200": _Kind(
        "the database's server is out of memory",
        "lower LOOKALIKE_INDEX_MEMORY or the server's work_mem, then " + RUN_AGAIN,
    ),
    "53300": _Kind(
        "the server has no connection to spare",
        "raise its max_connections, or lower LOOKALIKE_POOL_SIZE, and try again",
        may_pass=True,
    ),
    "53400": _Kind("a limit of the server was reached", "raise it, then " + RUN_AGAIN),
    "55P03": _Kind(
        "another transaction holds a lock",
        "end it, or run the command again later",
        may_pass=True,
    ),
    "57014": _Kind(
        "the statement was cancelled",
        "raise statement_timeout for this role if that was it, then " + RUN_AGAIN,
    ),
    "57": _Kind("the server ended the connection", RUN_AGAIN, may_pass=True),
    "58": _Kind(
        "the server's own files failed it", "look into the server's log, then " + RUN_AGAIN
    ),
    "XX": _Kind(
        "the database found its files damaged",
        "look into the server's log; restore a backup if the damage stays",
    ),
}

# Parts of libpq's messages about connections that failed, which have no SQLSTATE.
_CONNECTING = (
    ("password authentication failed", "28"),
    ("no password supplied", "28"),
    ("no pg_hba.conf entry", "28"),
    ("role ", "28"),
    ("database ", "3D000"),
    ("too many clients", "53300"),
    ("connection slots", "53300"),
    ("too many connections", "53300"),
)

_NEVER_CONNECTED = (
    "connection failed",
    "connection is bad",
    "connection timeout",
    "failed to resolve host",  # psycopg's own words
)


def is_database_error(error: BaseException) -> bool:
    """Return whether an exception comes from the database, wrapped by SQLAlchemy or not."""
    return isinstance(_unwrapped(error), psycopg.Error)


def map_database_error(error: BaseException) -> DatabaseError:
    """Return what a database error means, and what to do about it.

    Args:
        error: of psycopg or its pool, wrapped by SQLAlchemy or not.
    """
    cause = _unwrapped(error)
    if isinstance(cause, psycopg_pool.PoolTimeout):
        return DatabaseError(
            "the database can't be reached, or all connections to it are busy",
            "start it or raise LOOKALIKE_POOL_SIZE, then try again",
            may_pass=True,
        )
    sqlstate = getattr(cause, "sqlstate", None)
    line = one_line(cause)
    if sqlstate is None and isinstance(cause, psycopg.OperationalError):
        return _map_connection_error(line)
    kind = _kind(sqlstate or "")
    if kind is None:
        return DatabaseError(
            f"the database failed ({line})", "this is a fault of lookalike: please report it"
        )
    advice = kind.advice
    if sqlstate == "42501" and "extension" in line:
        advice = (
            "have a superuser, or the admin role of a hosted server, run CREATE EXTENSION vector "
            "in this database"
        )
    return DatabaseError(f"{kind.what} ({line})", advice, may_pass=kind.may_pass)


def one_line(error: BaseException) -> str:
    """Return the server's or libpq's message of a database error, as one line."""
    cause = _unwrapped(error)
    message = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__


def _kind(sqlstate: str) -> _Kind | None:
    return _KINDS.get(sqlstate) or _KINDS.get(sqlstate[:2])


def _map_connection_error(line: str) -> DatabaseError:
    for words, sqlstate in _CONNECTING:
        kind = _kind(sqlstate)
        if "FATAL" in line and words in line and kind is not None:
            return DatabaseError(f"{kind.what} ({line})", kind.advice, may_pass=kind.may_pass)
    if line.startswith(_NEVER_CONNECTED):
        return DatabaseError(
            f"can't connect to the database ({line})",
            "start it, or correct DATABASE_URL",
            may_pass=True,
        )
    return DatabaseError(
        f"the connection to the database was lost ({line})", RUN_AGAIN, may_pass=True
    )


def _unwrapped(error: BaseException) -> BaseException:
    original = getattr(error, "orig", None)  # SQLAlchemy's name for what the driver raised
    return original if isinstance(original, BaseException) else error
