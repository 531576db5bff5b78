"""Reading items: one by its id, or a page of those that match."""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, computed_field

from app.database import query
from app.errors import LookalikeError
from app.items.attributes import Attributes, Filters, image_url


class CursorError(LookalikeError):
    """The cursor belongs to another question, or to none."""


class Item(Attributes):
    """A product on sale."""

    has_photo: bool

    @computed_field
    def image_url(self) -> str | None:
        """Path of its photo on this server; null without one."""
        return image_url(self.item_id) if self.has_photo else None


class ItemDetail(Item):
    """A product on sale, with all that is known of it."""

    image_width: int | None
    """Of the photo's file, in pixels."""
    image_height: int | None
    details: dict[str, Any] | None
    """The rest of the catalog's metadata file."""
    created_at: datetime
    updated_at: datetime


class ItemPage(BaseModel):
    """A page of products, by id."""

    items: list[Item]
    next_cursor: str | None
    """What to ask the next page with; null on the last."""


def get_item(connection: psycopg.Connection[Any], item_id: int) -> ItemDetail | None:
    """Return a product on sale, None where there is none of that id."""
    with connection.cursor(row_factory=class_row(ItemDetail)) as cursor:
        return cursor.execute(query(__package__, "get_item"), {"item_id": item_id}).fetchone()


def list_items(
    connection: psycopg.Connection[Any],
    filters: Filters,
    q: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
    *,
    photo_only: bool = False,
) -> ItemPage:
    """Return a page of the products on sale that match.

    Args:
        connection: a connection.
        filters: which products.
        q: words of the name or brand, as typed into a search box.
        limit: how many at most.
        cursor: `next_cursor` of the page before; None for the first.
        photo_only: only products with a photo.

    Raises:
        CursorError: the cursor is not one of this question's.
    """
    question = _digest([filters.as_json(), q, photo_only])
    parameters = {
        "filter": Jsonb(filters.as_json()),
        "q": q or None,
        "after": _after(cursor, question),
        "photo_only": photo_only,
        "limit": limit + 1,
    }
    with connection.cursor(row_factory=class_row(Item)) as rows:
        items = rows.execute(query(__package__, "list_items"), parameters).fetchall()
    more = len(items) > limit
    items = items[:limit]
    return ItemPage(items=items, next_cursor=_cursor(items[-1].item_id, question) if more else None)


def _digest(question: list[Any]) -> str:
    text = json.dumps(question, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _cursor(item_id: int, question: str) -> str:
    return base64.urlsafe_b64encode(f"{item_id}.{question}".encode()).decode().rstrip("=")


def _after(cursor: str | None, question: str) -> int | None:
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        item_id, _, digest = base64.urlsafe_b64decode(padded).decode("ascii").partition(".")
        after = int(item_id)
    except ValueError:
        raise CursorError("the cursor is none that this service gave out") from None
    if digest != question or not 0 < after < 2**63:
        raise CursorError("the cursor belongs to a question with other filters or words")
    return after
