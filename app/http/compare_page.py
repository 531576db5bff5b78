"""The page that compares two products: their photos, their similarity, their attributes."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.attributes import Catalog
from app.catalog.filters import Text
from app.http.answers import unwrap_single
from app.http.context import searching, with_catalog
from app.http.filter_form import readable
from app.http.pages import given_parameters, price
from app.items.keys import ItemKey, path_name
from app.items.listing import Item, find_items
from app.items.parameters import read_parameters
from app.items.product import Product
from app.search.errors import NoModelError, NotEmbeddedError
from app.search.similar import similarity_of

blueprint = Blueprint("compare_page", __name__)


class CompareQuery(BaseModel):
    """The two products, by sku or item_id."""

    model_config = ConfigDict(extra="forbid")

    a: Text | None = Field(default=None)
    b: Text | None = Field(default=None)


@dataclass(frozen=True)
class Row:
    """An attribute of two products."""

    label: str
    values: tuple[str, str]
    """As text for people, empty where a product has none."""

    @property
    def differs(self) -> bool:
        """Return whether the products differ in it."""
        return self.values[0] != self.values[1]


@blueprint.get("/compare")
@with_catalog
def compare(catalog: Catalog) -> Response:
    """Show two products side by side, or a form that asks for them."""
    given = given_parameters(catalog, CompareQuery, request.args)
    asked = read_parameters(CompareQuery, unwrap_single(given.items()))
    keys = [ItemKey.from_text(text) for text in (asked.a, asked.b) if text]
    similarity, reason = None, None
    with searching() as borrowed:
        found = find_items(borrowed, catalog, keys)
        if len(keys) == 2 and all(key in found for key in keys):
            try:
                similarity = similarity_of(borrowed, *(found[key] for key in keys))
            except (NotEmbeddedError, NoModelError) as error:
                reason = str(error)
    unknown = [key for key in keys if key not in found]
    items = [found[key] for key in keys if key in found]
    page = render_template(
        "compare.html",
        catalog=catalog,
        asked=asked,
        unknown=unknown,
        items=items,
        rows=list(_rows(catalog, *items)) if len(items) == 2 else [],
        similarity=similarity,
        reason=reason,
    )
    return make_response(page, 404 if unknown else 200)


@blueprint.app_template_global()
def compare_url(one: Product, other: Product) -> str:
    """Return the address of the page that compares two products."""
    a, b = (path_name(product.item_id, product.sku) for product in (one, other))
    return url_for("compare_page.compare", a=a, b=b)


def _rows(catalog: Catalog, one: Item, other: Item) -> Iterator[Row]:
    """Yield the rows of the table; what neither of the products has is left out."""
    for label, first, second in zip(
        _labels(catalog), _values(catalog, one), _values(catalog, other), strict=True
    ):
        if first or second:
            yield Row(label, (first, second))


def _labels(catalog: Catalog) -> list[str]:
    core = ["Brand", "Price", "Reduced price", "In stock"]
    return [*core, *(attribute.label for attribute in catalog.attributes)]


def _values(catalog: Catalog, item: Item) -> list[str]:
    prices = [
        "" if amount is None else price(amount) for amount in (item.price, item.discounted_price)
    ]
    core = [item.brand_name or "", *prices, readable(item.available)]
    return [*core, *(_text(item.value(attribute.name)) for attribute in catalog.attributes)]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(readable(each) for each in value)
    return "" if value is None else readable(value)
