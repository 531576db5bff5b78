"""The web pages: a grid of products to search and filter, and one product with its like."""

from typing import Any, TypeVar

from flask import Blueprint, Response, abort, render_template, request, url_for
from pydantic import Field, ValidationError

from app.http.context import connection
from app.http.items import ItemsQuery
from app.http.problems import invalid
from app.items.attributes import Filters
from app.items.facets import catalog_state, count_facets
from app.items.listing import get_item, list_items
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.options import SearchOptions
from app.search.similar import similar_items

blueprint = Blueprint("pages", __name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""The pages need photos and one style sheet of ours; whatever else turns up is an attack."""

PAGE_SIZE = 48
"""Full rows in a grid of 2, 3, 4 or 6 columns."""

MOST_SIMILAR = 48
"""Similar products on a page, at most."""

LABELS = {
    "gender": "Gender",
    "master_category": "Category",
    "sub_category": "Subcategory",
    "article_type": "Type",
    "base_colour": "Colour",
    "season": "Season",
    "usage": "Usage",
    "brand_name": "Brand",
    "year_min": "Year from",
    "year_max": "Year to",
    "price_min": "Price from",
    "price_max": "Price to",
}
"""The filters, as a person reads them."""


class BrowseQuery(ItemsQuery):
    """What `/` can be asked: what the API's list can."""

    limit: int = Field(default=PAGE_SIZE, ge=1, le=100)


class LikeQuery(SearchOptions):
    """What `/items/ID` can be asked: what the API's similar items can."""

    top_n: int = Field(default=12, ge=1, le=MOST_SIMILAR)


Asked = TypeVar("Asked", bound=Filters)
Given = dict[str, list[str]]


@blueprint.get("/")
def browse() -> str:
    """Show a page of the products that have a photo."""
    given, asked = _question(BrowseQuery)
    with connection() as borrowed:
        page = list_items(borrowed, asked, asked.q, asked.limit, asked.cursor, photo_only=True)
        facets = count_facets(borrowed, asked, asked.q)
        state = catalog_state(borrowed)
    return render_template(
        "browse.html", given=given, chosen=_chosen(given), page=page, facets=facets, state=state
    )


@blueprint.get("/items/<int:item_id>")
def item(item_id: int) -> str:
    """Show a product, and those that look like it or why there are none."""
    given, asked = _question(LikeQuery)
    like, reason = None, None
    with connection() as borrowed:
        found = get_item(borrowed, item_id)
        if found is None:
            raise UnknownItemError(f"no product has the id {item_id}")
        try:
            like = similar_items(borrowed, item_id, asked)
        except (NotEmbeddedError, NoModelError) as error:
            reason = str(error)
    return render_template(
        "item.html",
        given=given,
        chosen=_chosen(given),
        item=found,
        like=like,
        reason=reason,
        most=MOST_SIMILAR,
    )


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"labels": LABELS}


@blueprint.app_template_filter("price")
def price(amount: float) -> str:
    """Write a price as a person does: 2,299 and 19.90."""
    return f"{amount:,.2f}".removesuffix(".00")


@blueprint.after_app_request
def _confine(response: Response) -> Response:
    # Swagger UI, below /docs/, lives on scripts and inline styles.
    if response.mimetype == "text/html" and not request.path.startswith("/docs/"):
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _question(model: type[Asked]) -> tuple[Given, Asked]:
    """Return the URL's parameters, as given and as understood, or answer what is wrong with them.

    A form sends the fields left empty too: they say nothing.
    """
    given = {
        name: [value for value in dict.fromkeys(values) if value.strip()]
        for name, values in request.args.to_dict(flat=False).items()
    }
    given = {
        name: values for name, values in given.items() if values or name not in model.model_fields
    }
    lone = {name: values[0] if len(values) == 1 else values for name, values in given.items()}
    try:
        return given, model.model_validate(lone)
    except ValidationError as error:
        abort(invalid(error))


def _chosen(given: Given) -> list[tuple[str, str, str]]:
    """Return the filters given: label, value, and the URL of the same page without it."""
    assert request.endpoint is not None  # noqa: S101 - a view is running
    kept: dict[str, Any] = {**given, **(request.view_args or {}), "cursor": None}
    return [
        (label, value, url_for(request.endpoint, **{**kept, name: _others(given[name], value)}))
        for name, label in LABELS.items()
        for value in given.get(name, [])
    ]


def _others(values: list[str], value: str) -> list[str]:
    return [other for other in values if other != value]
