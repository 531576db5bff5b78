"""Reading items: one by its id, or a page of those that match."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, computed_field

from app.database import query
from app.items import cursors
from app.items.attributes import Attributes, Filters, image_url


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
    question = cursors.digest("items", filters.as_json(), q, photo_only)
    parameters = {
        "filter": Jsonb(filters.as_json()),
        "q": q or None,
        "after": None if cursor is None else cursors.decode(cursor, question, 1)[0],
        "photo_only": photo_only,
        "limit": limit + 1,
    }
    with connection.cursor(row_factory=class_row(Item)) as rows:
        items = rows.execute(query(__package__, "list_items"), parameters).fetchall()
    more = len(items) > limit
    items = items[:limit]
    next_cursor = cursors.encode((items[-1].item_id,), question) if more else None
    return ItemPage(items=items, next_cursor=next_cursor)
