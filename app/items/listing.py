"""Reading items: one by its key, or a page of those that match."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field, computed_field, create_model

from app.catalog.attributes import Catalog
from app.database import query
from app.items import cursors
from app.items.keys import ItemKey
from app.items.product import Address, Product, columns, product_columns, with_attributes


class Item(Product):
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
        **row, photo_position=photos[0]["position"] if photos else None, photos=[]
    )
    item.photos = [
        ItemPhoto(**photo, image_url=item.image_at(photo["position"])) for photo in photos
    ]
    return item


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


def list_items(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    filters: Mapping[str, Any],
    q: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
    *,
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
        photo_only: only products with a photo.

    Raises:
        CursorError: the cursor is of another request, or invalid.
    """
    question = cursors.digest("items", filters, q, photo_only)
    parameters = {
        "filter": Jsonb(filters),
        "q": q or None,
        "after": None if cursor is None else cursors.decode(cursor, question, 1)[0],
        "photo_only": photo_only,
        "limit": limit + 1,
    }
    statement = query(__package__, "list_items").format(columns=product_columns(catalog))
    with connection.cursor(row_factory=dict_row) as rows:
        found = rows.execute(statement, parameters).fetchall()
    items = found[:limit]
    more = len(found) > limit
    next_cursor = cursors.encode((items[-1]["item_id"],), question) if more else None
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
