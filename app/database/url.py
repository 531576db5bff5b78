"""The URL of a database: accepted in every usual form, and shown without its password.

An unescaped `@` or `/` in a password makes part of it look like the host or the database's name.
Such a URL is refused, and nothing of a URL that may be one is shown.
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
    """Return a URL in libpq's form: SQLAlchemy's `postgresql+psycopg://` loses its driver.

    Args:
        url: a `postgresql://` or `postgres://` URI, SQLAlchemy's form of it, or libpq's
            `key=value` form.

    Raises:
        LookalikeError: it is none of these, or it is ambiguous; the text contains no part of it.
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
        # libpq's message quotes the URL.
        raise LookalikeError(
            "DATABASE_URL can't be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and "
            "in the password %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and %25 for %"
        ) from None
    return text


def redacted_url(url: str) -> str:
    """Return a database's name and host for messages, without any part of its password.

    Args:
        url: a URL in any form, valid or not.

    Returns:
        Such as `shop on db.example.com`; `that DATABASE_URL names` if the URL is ambiguous.
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
    """Return whether libpq's messages about a URL can't contain its password."""
    return redacted_url(url) != SOMEWHERE and not _PASSWORD.search(url)


def _before_password(text: str) -> str:
    """Cut off what may be the rest of a password with an unescaped `&` or space."""
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
    """Refuse a URI that unescaped characters of a password make ambiguous.

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
