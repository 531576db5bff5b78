"""Opaque cursors: where a list of one question goes on."""

import base64
import hashlib
import json
from typing import Any

from app.errors import LookalikeError
from app.items.keys import LAST_ID


class CursorError(LookalikeError):
    """The cursor belongs to another question, or to none."""


def digest(*question: Any) -> str:
    """Return a short text that tells a question from others; its parts are what JSON can hold."""
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def encode(position: tuple[int, ...], question: str) -> str:
    """Make the cursor of what comes after a position.

    Args:
        position: the ids of the last one given out.
        question: the question's digest.
    """
    parts = [*map(str, position), question]
    return base64.urlsafe_b64encode(".".join(parts).encode()).decode().rstrip("=")


def decode(cursor: str, question: str, length: int) -> tuple[int, ...]:
    """Return the position in a cursor.

    Args:
        cursor: what `encode` gave.
        question: the digest of the question that it comes with.
        length: how many ids a position of that question has.

    Raises:
        CursorError: it was given out for another question, or never.
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
