"""A product's attributes and the filters on them, as every answer and question has them."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def image_url(item_id: int) -> str:
    """Return the path of a product's photo on the server that answers."""
    return f"/api/v1/items/{item_id}/image"


class Attributes(BaseModel):
    """What the catalog says of a product."""

    item_id: int
    product_display_name: str | None
    gender: str | None
    master_category: str | None
    sub_category: str | None
    article_type: str | None
    base_colour: str | None
    season: str | None
    year: int | None
    usage: str | None
    brand_name: str | None
    price: float | None
    discounted_price: float | None


def as_list(value: Any) -> Any:
    """Take one text for a list of one, as a query string has it."""
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
"""A text that Postgres can take: no NUL."""

AnyOf = Annotated[
    list[Text] | None,
    BeforeValidator(as_list),
    Field(max_length=100, description="any of these values"),
]
Year = Annotated[int | None, Field(ge=0, le=9999)]
Price = Annotated[float | None, Field(allow_inf_nan=False)]


class Filters(BaseModel):
    """Which products may be answers; a product passes if it passes each filter given."""

    model_config = ConfigDict(extra="forbid")

    gender: AnyOf = None
    master_category: AnyOf = None
    sub_category: AnyOf = None
    article_type: AnyOf = None
    base_colour: AnyOf = None
    season: AnyOf = None
    usage: AnyOf = None
    brand_name: AnyOf = None
    year_min: Year = None
    year_max: Year = None
    price_min: Price = None
    price_max: Price = None

    def as_json(self) -> dict[str, Any]:
        """Return the filters given, as the SQL function `filter_items` takes them."""
        given = {name: getattr(self, name) for name in Filters.model_fields}
        return {name: value for name, value in given.items() if value is not None}
