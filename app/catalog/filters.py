"""The filters of searches and lists, derived from a catalog's attributes."""

import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, create_model

from app.catalog.attributes import Catalog
from app.catalog.profile import AttributeType

MAX_VALUES = 100
"""Maximum number of values of one filter."""


def as_list(value: Any) -> Any:
    """Wrap a single value in a list, as query strings have no lists of one."""
    return value if value is None or isinstance(value, list) else [value]


Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
"""A text that Postgres can take: no NUL."""

Number = Annotated[
    Decimal,
    Field(allow_inf_nan=False, max_digits=40),
    PlainSerializer(float, return_type=float),
]
Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]

RANGED: dict[AttributeType, Any] = {
    "integer": Integer,
    "number": Number,
    "date": datetime.date,
}
"""Types that are filtered by a smallest and a largest value."""

CORE: dict[str, AttributeType] = {
    "brand_name": "text",
    "price": "number",
    "available": "boolean",
}
"""Core columns that every catalog can be filtered by, as in `filter_items`."""


FIELD = "filter_"
"""Begins the names of the fields, since attributes may be called as pydantic's methods are."""


class Filters(BaseModel):
    """Which products may be results: those that pass every filter given.

    `filters_model` creates the class with a catalog's fields; their aliases are the filters' names.
    """

    model_config = ConfigDict(extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return the filters given, as the SQL function `filter_items` takes them."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@lru_cache(maxsize=8)
def filters_model(catalog: Catalog) -> type[Filters]:
    """Return the class of a catalog's filters, with a field for each that is None if not given."""
    fields = {FIELD + name: field for name, field in _all_fields(catalog).items()}
    return create_model("Filters", __base__=Filters, **fields)


def filter_names(catalog: Catalog) -> list[str]:
    """Return the names of a catalog's filters, as `known_filters` does in SQL."""
    return list(_all_fields(catalog))


def _all_fields(catalog: Catalog) -> dict[str, Any]:
    declared = {a.name: a.type for a in catalog.attributes if a.filter}
    fields: dict[str, Any] = {}
    for name, kind in (declared | CORE).items():
        fields |= _fields(name, kind)
    return fields


def _fields(name: str, kind: AttributeType) -> dict[str, Any]:
    if kind in RANGED:
        bound = RANGED[kind] | None
        return {
            f"{name}_{end}": (
                bound,
                Field(default=None, alias=f"{name}_{end}", description=f"{which} {name}"),
            )
            for end, which in (("min", "least"), ("max", "greatest"))
        }
    value = bool if kind == "boolean" else Text
    # The length is the list's own, since null has none.
    values = Annotated[list[value], Field(max_length=MAX_VALUES)]  # type: ignore[valid-type]
    any_of = Annotated[
        values | None, BeforeValidator(as_list), Field(description="any of these values")
    ]
    return {name: (any_of, Field(default=None, alias=name))}
