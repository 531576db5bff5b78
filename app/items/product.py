"""The model of a product in responses: the core columns and the declared attributes."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializationInfo, create_model

from app.catalog.attributes import Catalog
from app.items.keys import image_path

PREFIX = "prefix"
"""Key of the serialization context: the path prefix of this server."""

ATTRIBUTE = "attribute_"
"""Prefix of fields of attributes, so that none can hide a method; the alias has no prefix."""

TYPES: dict[str, Any] = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": date,
    "text[]": list[str],
}
"""The Python types of attributes."""


def _below_prefix(path: str | None, info: SerializationInfo) -> str | None:
    prefix = info.context.get(PREFIX, "") if isinstance(info.context, dict) else ""
    return path and prefix + path


Address = Annotated[str | None, PlainSerializer(_below_prefix, return_type=str | None)]
"""A path on this server, serialized with the context's prefix."""


class Product(BaseModel):
    """The core columns of a product; `with_attributes` adds the declared attributes."""

    model_config = ConfigDict(serialize_by_alias=True)

    item_id: int = Field(description="the number of the product in this database")
    sku: str = Field(description="the catalog's own id of the product")
    product_display_name: str | None
    brand_name: str | None
    price: float | None
    discounted_price: float | None
    available: bool = Field(description="whether it is in stock")

    def value(self, name: str) -> Any:
        """Return a core field or an attribute by its name."""
        return getattr(self, name if name in Product.model_fields else ATTRIBUTE + name)

    def image_at(self, position: int | None) -> str | None:
        """Return the path of the photo at a position, None for None."""
        return None if position is None else image_path(self.item_id, self.sku, position)


class Pictured(Product):
    """A product with the version of the photo that stands for it."""

    photo_sha256: str | None = Field(default=None, alias="_sha256", exclude=True)


AnyProduct = TypeVar("AnyProduct", bound=Product)


@lru_cache(maxsize=64)
def with_attributes(model: type[AnyProduct], catalog: Catalog) -> type[AnyProduct]:
    """Return a model of products with the attributes that a catalog declares."""
    fields: dict[str, Any] = {
        ATTRIBUTE + attribute.name: (
            TYPES[attribute.type] | None,
            Field(
                alias=attribute.name,
                title=attribute.label,
                description=attribute.description or attribute.label,
            ),
        )
        for attribute in catalog.attributes
    }
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields)


def product_columns(catalog: Catalog) -> sql.Composed:
    """Return the columns of `items AS i` that `Product` and the attributes are read from."""
    core = (name for name in Product.model_fields)
    return columns([*core, *(attribute.name for attribute in catalog.attributes)])


def columns(names: Iterable[str]) -> sql.Composed:
    """Return columns of `items AS i`."""
    return sql.SQL(", ").join(sql.Identifier("i", name) for name in names)
