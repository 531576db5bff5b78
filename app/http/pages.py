"""The web pages: a grid of products with search and filters, and a product with similar ones."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import psycopg
from flask import Blueprint, Response, render_template, request
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model
from werkzeug.datastructures import MultiDict

from app.catalog.attributes import Catalog
from app.catalog.filters import as_list, filter_names
from app.http.addresses import address, item_url, thumbnail_url, with_parameters
from app.http.answers import unwrap_single
from app.http.context import context, searching, with_catalog
from app.http.filter_form import (
    YES_NO,
    attribute_list,
    card_line,
    filter_form,
    filter_labels,
)
from app.http.items import ItemsQuery
from app.http.refinements import as_curl, as_sql, refinements, shared, without_own
from app.items.facets import CatalogState, Facets, catalog_state, count_facets
from app.items.keys import ItemKey
from app.items.listing import Item, Sort, get_item, list_items
from app.items.parameters import read_with_filters
from app.search.by_words import FoundItem, WordsQuery, search_by_words
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.options import Options, SearchOptions, capped
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


SORTS: list[tuple[Sort, str]] = [
    ("newest", "newest first"),
    ("cheapest", "price, lowest first"),
    ("dearest", "price, highest first"),
    ("name", "name"),
]
"""The orders of the grid, and what people read."""


class BrowseQuery(ItemsQuery):
    """The parameters of `/`: those of the API's list.

    `q` is searched for by look as well, best matches first, unless another order is asked for.
    """

    limit: int = Field(default=PAGE_SIZE, ge=1, le=100)


class LikeOptions(Options):
    """How the page of a product finds similar ones: as the API does, near-duplicates left out."""

    exclude_duplicates: bool = True
    other: list[str] = Field(default_factory=list)
    """Attributes of which the similar products have another value."""


@lru_cache(maxsize=8)
def like_model(catalog: Catalog) -> type[LikeOptions]:
    """Return the parameters of `/items/SKU`: those of the API's similar items, and `other`."""
    names = tuple(facet.name for facet in catalog.facets if facet.type == "text")

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names) or 'no attribute'}")
        return name

    other = Annotated[list[Annotated[str, AfterValidator(check)]], BeforeValidator(as_list)]
    return create_model(
        "LikeQuery",
        __base__=LikeOptions,
        top_n=(int, Field(default=SIMILAR, ge=1, le=MOST_SIMILAR)),
        other=(other, Field(default_factory=list)),
        **capped(catalog),
    )


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
        **grid_arguments(catalog, given, facets, state),
        sorts=SORTS,
        items=found,
        next_cursor=next_cursor,
        by_look=by_look,
        facets=facets,
    )


def _find(
    borrowed: psycopg.Connection[Any],
    catalog: Catalog,
    asked: BrowseQuery,
    filters: Mapping[str, Any],
) -> tuple[Sequence[Item | FoundItem], str | None, bool]:
    """Return a page of products, the next cursor, and whether a text was compared with photos."""
    if asked.q is None or asked.sort is not None:
        page = list_items(
            borrowed,
            catalog,
            filters,
            asked.q,
            asked.limit,
            asked.cursor,
            sort=asked.sort,
            photo_only=True,
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
    how, filters = read_with_filters(catalog, model, unwrap_single(given.items()))
    key = ItemKey.from_text(item)
    like, reason = None, None
    with searching() as borrowed:
        found = get_item(borrowed, catalog, key)
        if found is None:
            raise UnknownItemError.named(key)
        values = context().values.get(borrowed, catalog)
        filters = without_own(values, found, filters, how.other)
        options = SearchOptions(catalog, how, filters)
        try:
            like = similar_items(borrowed, key, options)
        except (NotEmbeddedError, NoModelError) as error:
            reason = str(error)
    return render_template(
        "item.html",
        catalog=catalog,
        given=given,
        chosen=_chosen_others(catalog, given) + chosen_filters(catalog, given),
        refinements=refinements(catalog, values, found, given),
        how=how,
        curl=as_curl(found, options),
        sql=as_sql(found, options),
        item=found,
        like=like,
        reason=reason,
        most=MOST_SIMILAR,
    )


def _chosen_others(catalog: Catalog, given: Given) -> list[tuple[str, str, str]]:
    """Return what `chosen_filters` does, for the attributes that have to differ."""
    base = address(request.path) or ""
    others = given.get("other", [])
    return [
        (
            facet.label,
            "another",
            with_parameters(base, {**given, "other": [n for n in others if n != facet.name]}),
        )
        for facet in catalog.facets
        if facet.name in others
    ]


for _function in (
    address, item_url, thumbnail_url, with_parameters, card_line, attribute_list, shared,
):  # fmt: skip
    blueprint.add_app_template_global(_function)


@blueprint.app_template_filter("price")
def price(amount: float) -> str:
    """Format a price, such as 2,299 and 19.90."""
    return f"{amount:,.2f}".removesuffix(".00")


@blueprint.after_app_request
def _confine(response: Response) -> Response:
    # Swagger UI, below /docs/, needs scripts and inline styles.
    if response.mimetype == "text/html" and not request.path.startswith("/docs/"):
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
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


def grid_arguments(
    catalog: Catalog, given: Given, facets: Facets, state: CatalogState
) -> dict[str, Any]:
    """Return what the templates of pages with a grid and its filters need."""
    return {
        "catalog": catalog,
        "given": given,
        "chosen": chosen_filters(catalog, given),
        "form": filter_form(catalog, facets, given),
        "state": state,
    }


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
