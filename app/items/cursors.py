"""Opaque cursors for the next page of a list."""

import base64
import hashlib
import json
from typing import Any

from app.errors import LookalikeError
from app.items.keys import LAST_ID


class CursorError(LookalikeError):
    """The cursor is of another request, or invalid."""


def digest(*question: Any) -> str:
    """Return a short hash of a request's parameters, which have to be JSON values."""
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def encode(position: tuple[int, ...], question: str) -> str:
    """Return the cursor for the page after a position.

    Args:
        position: the ids of the last entry of the page before.
        question: the digest of the request.
    """
    parts = [*map(str, position), question]
    return base64.urlsafe_b64encode(".".join(parts).encode()).decode().rstrip("=")


def decode(cursor: str, question: str, length: int) -> tuple[int, ...]:
    """Return the position of a cursor.

    Args:
        cursor: a cursor made by `encode`.
        question: the digest of the request that it came with.
        length: number of ids of a position.

    Raises:
        CursorError: it is of another request, or invalid.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        *ids, found = base64.urlsafe_b64decode(padded).decode("ascii").split(".")
        position = tuple(map(int, ids))
    except ValueError:
        raise CursorError("the cursor was not issued by this service") from None
    valid = len(position) == length and all(0 < part <= LAST_ID for part in position)
    if found != question or not valid:
        raise CursorError("the cursor belongs to another request: other filters, words or list")
    return position
