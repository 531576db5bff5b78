"""Reading items: one by its key, or a page of those that match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field, computed_field, create_model

from app.catalog.attributes import Catalog
from app.database import query
from app.items import cursors
from app.items.keys import ItemKey
from app.items.product import Address, Pictured, columns, product_columns, with_attributes


class Item(Pictured):
    """A listed product."""

    photo_position: int | None = Field(exclude=True)

    @computed_field(description="whether it has a photo")
    def has_photo(self) -> bool:
        """Return whether it has a photo."""
        return self.photo_position is not None

    @computed_field(description="path of its first photo on this server; null without one")
    def image_url(self) -> Address:
        """Return the path of its first photo on this server, None without one."""
        return self.image_at(self.photo_position)


class ItemPhoto(BaseModel):
    """A photo of a product."""

    position: int = Field(description="its place among the product's photos, from 1")
    image_url: Address = Field(description="its path on this server")
    width: int | None = Field(description="of the file, in pixels")
    height: int | None
    sha256: str = Field(exclude=True)


class ItemDetail(Item):
    """A listed product with all its data."""

    photos: list[ItemPhoto] = Field(description="its photos, the first one first")
    details: dict[str, Any] | None = Field(description="further data of the catalog")
    created_at: datetime
    updated_at: datetime

    @computed_field(description="of the first photo's file, in pixels")
    def image_width(self) -> int | None:
        """Return the width of its first photo."""
        return self.photos[0].width if self.photos else None

    @computed_field(description="of the first photo's file, in pixels")
    def image_height(self) -> int | None:
        """Return the height of its first photo."""
        return self.photos[0].height if self.photos else None


class ItemPage(BaseModel):
    """A page of products, by item_id."""

    items: list[Item]
    next_cursor: str | None = Field(description="cursor of the next page; null on the last")


@lru_cache(maxsize=8)
def page_model(catalog: Catalog) -> type[ItemPage]:
    """Return the model of a page of a catalog's products."""
    items: Any = (list[with_attributes(Item, catalog)], ...)  # type: ignore[misc]
    return create_model("ItemPage", __base__=ItemPage, __doc__=ItemPage.__doc__, items=items)


@dataclass(frozen=True)
class StoredPhoto:
    """A product's photo; all but `item_id` is None if it has none."""

    item_id: int
    position: int | None
    reference: str | None
    sha256: str | None


def get_item(
    connection: psycopg.Connection[Any], catalog: Catalog, key: ItemKey
) -> ItemDetail | None:
    """Return a listed product, None if there is none with that key."""
    statement = query(__package__, "fetch_item").format(columns=product_columns(catalog))
    with connection.cursor(row_factory=dict_row) as rows:
        row = rows.execute(statement, key.parameters).fetchone()
        if row is None:
            return None
        photos = rows.execute(query(__package__, "list_photos"), row).fetchall()
    item: ItemDetail = with_attributes(ItemDetail, catalog)(
        **row,
        photo_position=photos[0]["position"] if photos else None,
        _sha256=photos[0]["sha256"] if photos else None,
        photos=[],
    )
    item.photos = [
        ItemPhoto(**photo, image_url=item.image_at(photo["position"])) for photo in photos
    ]
    return item


def find_items(
    connection: psycopg.Connection[Any], catalog: Catalog, keys: Sequence[ItemKey]
) -> dict[ItemKey, Item]:
    """Return the listed products with these keys; those that no listed product has are left out."""
    statement = query(__package__, "find_items").format(columns=product_columns(catalog))
    parameters = {"skus": [key.sku for key in keys], "item_ids": [key.item_id for key in keys]}
    model = with_attributes(Item, catalog)
    with connection.cursor(row_factory=dict_row) as rows:
        rows.execute(statement, parameters)
        return {keys[row.pop("_number") - 1]: model(**row) for row in rows}


def get_photo(
    connection: psycopg.Connection[Any], key: ItemKey, position: int | None = None
) -> StoredPhoto | None:
    """Return a photo of a listed product: the first one, or that at a position.

    Returns:
        None if no product has that key; a `StoredPhoto` without a reference if the product has no
        such photo.
    """
    with connection.cursor(row_factory=class_row(StoredPhoto)) as rows:
        parameters = {**key.parameters, "position": position}
        return rows.execute(query(__package__, "fetch_photo"), parameters).fetchone()


Sort = Literal["newest", "cheapest", "dearest", "name"]
"""What products can be sorted by: when they came, what they cost now, their names."""


@dataclass(frozen=True)
class _Order:
    """An order of products in SQL; equal ones are sorted by item_id in the same direction."""

    key: sql.SQL
    type: sql.SQL
    descending: bool = False


_PRICE = sql.SQL("coalesce(i.discounted_price, i.price)")
_ORDERS: dict[Sort | None, _Order] = {
    None: _Order(sql.SQL("NULL::text"), sql.SQL("text")),
    "newest": _Order(sql.SQL("i.created_at"), sql.SQL("timestamptz"), descending=True),
    "cheapest": _Order(_PRICE, sql.SQL("numeric")),
    "dearest": _Order(_PRICE, sql.SQL("numeric"), descending=True),
    "name": _Order(sql.SQL("lower(left(i.product_display_name, 100))"), sql.SQL("text")),
}


def list_items(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    filters: Mapping[str, Any],
    q: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
    *,
    sort: Sort | None = None,
    photo_only: bool = False,
) -> ItemPage:
    """Return a page of the listed products that match.

    Args:
        connection: a connection.
        catalog: what is declared of the products.
        filters: for `filter_items`.
        q: words of the name or brand, as typed into a search box.
        limit: maximum number of products.
        cursor: `next_cursor` of the page before; None for the first.
        sort: their order; by item_id if None.
        photo_only: only products with a photo.

    Raises:
        CursorError: the cursor is of another request, or invalid.
    """
    question = cursors.digest("items", filters, q, photo_only, sort)
    key, after = (None, None) if cursor is None else cursors.decode_sorted(cursor, question)
    parameters = {
        "filter": Jsonb(filters),
        "q": q or None,
        "key": key,
        "after": after,
        "limit": limit + 1,
    }
    order = _ORDERS[sort]
    statement = query(__package__, "list_items").format(
        columns=product_columns(catalog),
        # A plain condition, so that the planner can join photos as it sees fit.
        condition=query(__package__, "has_photo") if photo_only else sql.SQL("true"),
        key=order.key,
        type=order.type,
        beyond=sql.SQL("<" if order.descending else ">"),
        direction=sql.SQL("DESC" if order.descending else "ASC"),
    )
    with connection.cursor(row_factory=dict_row) as rows:
        try:
            found = rows.execute(statement, parameters).fetchall()
        except psycopg.DataError:
            if key is None:
                raise
            raise cursors.CursorError(cursors.OF_ANOTHER) from None  # it has no such value
    items = found[:limit]
    last = items[-1] if len(found) > limit else None
    next_cursor = last and cursors.encode((last["_key"], last["item_id"]), question)
    return page_model(catalog).model_validate({"items": items, "next_cursor": next_cursor})


def list_examples(
    connection: psycopg.Connection[Any], catalog: Catalog
) -> list[tuple[str, str | None]]:
    """Return sku and name of a product of each of the three most common kinds.

    Kinds are the values of the finest category, else of the first card attribute, else brands.
    """
    kinds = [*catalog.categories, *catalog.cards] or ["brand_name"]
    kind = catalog.categories[-1] if catalog.categories else kinds[0]
    statement = query(__package__, "fetch_examples").format(kind=columns([kind]))
    return connection.execute(statement).fetchall()
