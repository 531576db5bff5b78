"""The web pages: a grid of products with search and filters, and a product with similar ones."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel, Field, create_model
from werkzeug.datastructures import MultiDict

from app.catalog.attributes import Catalog
from app.catalog.filters import filter_names
from app.http.addresses import address, item_url, with_parameters
from app.http.answers import unwrap_single
from app.http.context import searching, with_catalog
from app.http.filter_form import (
    YES_NO,
    attribute_list,
    card_line,
    filter_form,
    filter_labels,
)
from app.http.items import ItemsQuery
from app.items.facets import catalog_state, count_facets
from app.items.keys import ItemKey
from app.items.listing import Item, get_item, list_items
from app.items.parameters import read_with_filters
from app.search.by_words import FoundItem, WordsQuery, search_by_words
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.options import Options, SearchOptions, options_model
from app.search.similar import similar_items

blueprint = Blueprint("pages", __name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages need only photos, a style sheet, scripts and answers of this server."""

PAGE_SIZE = 48
"""Fills the rows of a grid of 2, 3, 4 or 6 columns."""

SIMILAR = 12
"""Similar products on a page."""

MOST_SIMILAR = 48
"""Maximum number of similar products on a page."""


class BrowseQuery(ItemsQuery):
    """The parameters of `/`: those of the API's list; `q` is searched for by look as well."""

    limit: int = Field(default=PAGE_SIZE, ge=1, le=100)


@lru_cache(maxsize=8)
def like_model(catalog: Catalog) -> type[Options]:
    """Return the parameters of `/items/SKU`: those of the API's similar items."""
    top_n = (int, Field(default=SIMILAR, ge=1, le=MOST_SIMILAR))
    return create_model("LikeQuery", __base__=options_model(catalog), top_n=top_n)


Given = dict[str, list[str]]


@blueprint.get("/")
@with_catalog
def browse(catalog: Catalog) -> str:
    """Show a page of the products that have a photo."""
    given = given_parameters(catalog, BrowseQuery, request.args)
    asked, filters = read_with_filters(catalog, BrowseQuery, unwrap_single(given.items()))
    with searching() as borrowed:
        found, next_cursor, by_look = _find(borrowed, catalog, asked, filters)
        # By look, a text ranks all products that the filters let through.
        facets = count_facets(borrowed, catalog, filters, None if by_look else asked.q)
        state = catalog_state(borrowed)
    return render_template(
        "browse.html",
        catalog=catalog,
        given=given,
        chosen=chosen_filters(catalog, given),
        form=filter_form(catalog, facets, given),
        items=found,
        next_cursor=next_cursor,
        by_look=by_look,
        facets=facets,
        state=state,
    )


def _find(
    borrowed: psycopg.Connection[Any],
    catalog: Catalog,
    asked: BrowseQuery,
    filters: Mapping[str, Any],
) -> tuple[Sequence[Item | FoundItem], str | None, bool]:
    """Return a page of products, the next cursor, and whether a text was compared with photos."""
    if asked.q is None:
        page = list_items(
            borrowed, catalog, filters, None, asked.limit, asked.cursor, photo_only=True
        )
        return page.items, page.next_cursor, False
    words = WordsQuery(q=asked.q, top_n=asked.limit, cursor=asked.cursor)
    answer = search_by_words(borrowed, catalog, words, filters, photo_only=True)
    return answer.results, answer.next_cursor, answer.by_look


@blueprint.get("/items/<sku:item>")
@with_catalog
def item(catalog: Catalog, item: str) -> str:
    """Show a product, and similar ones or why there are none."""
    model = like_model(catalog)
    given = given_parameters(catalog, model, request.args)
    options = SearchOptions(
        catalog, *read_with_filters(catalog, model, unwrap_single(given.items()))
    )
    key = ItemKey.from_text(item)
    like, reason = None, None
    with searching() as borrowed:
        found = get_item(borrowed, catalog, key)
        if found is None:
            raise UnknownItemError.named(key)
        try:
            like = similar_items(borrowed, key, options)
        except (NotEmbeddedError, NoModelError) as error:
            reason = str(error)
    return render_template(
        "item.html",
        catalog=catalog,
        given=given,
        chosen=chosen_filters(catalog, given),
        item=found,
        like=like,
        reason=reason,
        most=MOST_SIMILAR,
    )


for _function in (address, item_url, with_parameters, card_line, attribute_list):
    blueprint.add_app_template_global(_function)


@blueprint.app_template_filter("price")
def price(amount: float) -> str:
    """Format a price, such as 2,299 and 19.90."""
    return f"{amount:,.2f}".removesuffix(".00")


@blueprint.after_app_request
def _confine(response: Response) -> Response:
    # Swagger UI, below /docs/, needs scripts and inline styles.
    if response.mimetype == "text/html" and not request.path.startswith("/docs/"):
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def given_parameters(
    catalog: Catalog, model: type[BaseModel], fields: MultiDict[str, str]
) -> Given:
    """Return the parameters of a URL or form without empty ones, which forms send too."""
    known = {*model.model_fields, *filter_names(catalog)}
    given = {
        name: [value for value in dict.fromkeys(values) if value.strip()]
        for name, values in fields.to_dict(flat=False).items()
    }
    return {name: values for name, values in given.items() if values or name not in known}


def chosen_filters(catalog: Catalog, given: Given) -> list[tuple[str, str, str]]:
    """Return each filter given: label, value, and the URL of the page without it."""
    base = address(request.path) or ""
    kept = {name: values for name, values in given.items() if name != "cursor"}
    return [
        (
            label,
            YES_NO.get(value, value),
            with_parameters(base, {**kept, name: [v for v in kept[name] if v != value]}),
        )
        for name, label in filter_labels(catalog).items()
        for value in kept.get(name, [])
    ]
