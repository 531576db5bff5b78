"""The address of a database: taken in every usual form, and shown without its password.

A password with an unescaped `@` or `/` moves the borders between the parts of an address, so that
a piece of it lands in what looks like the host or the database's name. Such an address is refused,
and of one that is only doubtful nothing is shown.
"""

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.errors import LookalikeError

SOMEWHERE = "that DATABASE_URL names"
"""What to call a database whose address can't be shown."""

_SCHEME = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:^|[\s?&])\w*(?:password|passwd)\w*\s*=", re.IGNORECASE)
_ESCAPED_KEY = re.compile(r"[?&][^=&]*%[^=&]*=")


def libpq_url(url: str) -> str:
    """Return an address in libpq's form: SQLAlchemy's `postgresql+psycopg://` loses its driver.

    Args:
        url: a `postgresql://` or `postgres://` URI, SQLAlchemy's form of it, or libpq's
            `key=value` form.

    Raises:
        LookalikeError: it is none of these, or its parts can't be told apart; the text holds
            nothing of it.
    """
    text = url.strip()
    scheme = _SCHEME.match(text)
    if scheme:
        text = f"postgresql://{text[scheme.end() :]}"
        _require_clear(text)
    elif "://" in text or "=" not in text:
        raise LookalikeError(
            "DATABASE_URL is not the address of a Postgres: write "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    try:
        conninfo_to_dict(text)
    except psycopg.Error:
        # libpq's own words quote the address.
        raise LookalikeError(
            "DATABASE_URL can't be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and "
            "in the password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and %25 for %"
        ) from None
    return text


def redacted_url(url: str) -> str:
    """Name a database by its name and host, never by anything that may be of its password.

    Args:
        url: an address in any form, or what somebody took for one.

    Returns:
        Such as `shop on db.example.com`; where the address is doubtful, `that DATABASE_URL names`.
    """
    try:
        text = libpq_url(url)
        if not _is_certain(text):
            return SOMEWHERE
        parts = conninfo_to_dict(_before_password(text))
    except (LookalikeError, psycopg.Error):
        return SOMEWHERE
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    name = parts.get("dbname")
    place = f"{name} on {host}" if name else f"on {host}"
    return place if place.isprintable() else SOMEWHERE


def is_showable(url: str) -> bool:
    """Say whether libpq's own words about a connection to an address hold none of its password."""
    return redacted_url(url) != SOMEWHERE and not _PASSWORD.search(url)


def _before_password(text: str) -> str:
    """Cut off what may be the rest of a password whose own `&` or space isn't escaped."""
    found = _PASSWORD.search(text)
    return text[: found.start()] if found else text


def _is_certain(text: str) -> bool:
    query = text.partition("?")[2]
    port = str(conninfo_to_dict(text).get("port") or "")
    return (
        "@" not in query
        and not _ESCAPED_KEY.search(text)
        and re.fullmatch(r"[\d,]*", port) is not None
    )


def _require_clear(text: str) -> None:
    """Refuse a URI in which a password's own characters stand for borders.

    Raises:
        LookalikeError: the text says what to write instead.
    """
    rest, _, query = text.removeprefix("postgresql://").partition("?")
    authority, _, path = rest.partition("/")
    split = "@" in query and ":" in authority and "@" not in authority
    if authority.count("@") > 1 or "@" in path or split:
        raise LookalikeError(
            "the parts of DATABASE_URL can't be told apart: in user and password write %40 for @, "
            "%2F for /, %3A for : and %3F for ?"
        )
