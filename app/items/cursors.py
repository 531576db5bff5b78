"""Opaque cursors for the next page of a list."""

import base64
import hashlib
import json
from typing import Any

from app.errors import LookalikeError
from app.items.keys import LAST_ID, STORABLE

OF_ANOTHER = "the cursor belongs to another request: other filters, words, order or list"


class CursorError(LookalikeError):
    """The cursor is of another request, or invalid."""


def digest(*question: Any) -> str:
    """Return a short hash of a request's parameters, which have to be JSON values."""
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def encode(position: tuple[int | str | None, ...], question: str) -> str:
    """Return the cursor for the page after a position.

    Args:
        position: the ids of the last entry of the page before; a sorted list's value first.
        question: the digest of the request.
    """
    text = json.dumps([*position, question], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, question: str, length: int) -> tuple[int, ...]:
    """Return the position of a cursor.

    Args:
        cursor: a cursor made by `encode`.
        question: the digest of the request that it came with.
        length: number of ids of a position.

    Raises:
        CursorError: it is of another request, or invalid.
    """
    position = _position(cursor, question)
    if len(position) != length or not all(map(_is_id, position)):
        raise CursorError(OF_ANOTHER)
    return position


def decode_sorted(cursor: str, question: str) -> tuple[str | None, int]:
    """Return the position of a cursor of a sorted list: the value that it is sorted by, and the id.

    Args:
        cursor: a cursor made by `encode`.
        question: the digest of the request that it came with.

    Raises:
        CursorError: it is of another request, or invalid.
    """
    position = _position(cursor, question)
    if len(position) != 2 or not _is_id(position[1]):
        raise CursorError(OF_ANOTHER)
    value, last_id = position
    if value is not None and not (isinstance(value, str) and STORABLE.fullmatch(value)):
        raise CursorError(OF_ANOTHER)
    return value, last_id


def _position(cursor: str, question: str) -> tuple[Any, ...]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        *position, found = json.loads(base64.urlsafe_b64decode(padded))
    except (TypeError, ValueError, RecursionError):
        raise CursorError("the cursor was not issued by this service") from None
    if found != question:
        raise CursorError(OF_ANOTHER)
    return tuple(position)


def _is_id(part: Any) -> bool:
    return type(part) is int and 0 < part <= LAST_ID
