"""The page of the tray: products that a person likes and dislikes, and what is like them.

The whole tray is in the address: `/tray?like=SKU&like=SKU:2&dislike=SKU`. The script
`static/tray.js` keeps a visitor's own tray in the browser and leads here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from flask import Blueprint, render_template, request, url_for
from pydantic import BeforeValidator, Field, PlainValidator, create_model

from app.catalog.attributes import Catalog
from app.catalog.filters import as_list
from app.http.addresses import with_parameters
from app.http.answers import unwrap_single
from app.http.context import connection, photo_search, with_catalog
from app.http.filter_form import filter_form
from app.http.pages import MOST_SIMILAR, Given, chosen_filters, given_parameters
from app.items.facets import catalog_state, count_facets
from app.items.keys import MAX_SKU, ItemKey
from app.items.listing import Item, find_items
from app.items.parameters import read_with_filters
from app.items.product import Product
from app.search.errors import NoModelError, QueryError
from app.search.options import Options, capped
from app.search.recommend import MAX_EXAMPLES, Recommendations, recommend, request_model

blueprint = Blueprint("tray_page", __name__)

RESULTS = 24

Side = Literal["like", "dislike"]

WEIGHTED = re.compile(r"(.+):(\d{1,4}(?:\.\d{1,4})?)", re.DOTALL)
"""A sku with a weight. A sku that ends like this itself is written with its weight, 1 too."""

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Weights that the page offers."""

VARIETIES = {0.0: "The most similar", 0.3: "Varied", 0.6: "Very varied"}
"""Diversities that the page offers."""


@dataclass(frozen=True)
class Entry:
    """A product of the tray as the address names it."""

    name: str
    """Its sku or item_id."""
    weight: float = 1.0

    def __str__(self) -> str:
        bare = self.weight == 1 and not WEIGHTED.fullmatch(self.name)
        return self.name if bare else f"{self.name}:{self.weight:g}"

    def weighing(self, weight: float) -> str:
        """Return the same product with another weight, for a field of a form."""
        return f"{self.name}:{weight:g}"

    @property
    def key(self) -> ItemKey:
        """Return the product's key."""
        return ItemKey.from_text(self.name)


def _entry(text: Any) -> Entry:
    if not isinstance(text, str) or len(text) > MAX_SKU + 10 or "\0" in text:
        raise ValueError("expected a product's id, or ID:WEIGHT")
    found = WEIGHTED.fullmatch(text)
    if found is None:
        return Entry(text)
    if not float(found[2]) > 0:
        raise ValueError("expected a weight above 0")
    return Entry(found[1], float(found[2]))


Entries = Annotated[
    list[Annotated[Entry, PlainValidator(_entry)]],
    BeforeValidator(as_list),
    Field(max_length=MAX_EXAMPLES),
]


class TrayQuery(Options):
    """The parameters of `/tray`, beside filters."""

    like: Entries = Field(default_factory=list)
    dislike: Entries = Field(default_factory=list)


@dataclass(frozen=True)
class Tray:
    """What a person likes and dislikes, and the other parameters of the page's address."""

    likes: tuple[Entry, ...]
    dislikes: tuple[Entry, ...]
    others: Mapping[str, list[str]]

    def without(self, name: str) -> "Tray":
        """Return the tray without a product."""
        likes, dislikes = (
            tuple(entry for entry in side if entry.name != name)
            for side in (self.likes, self.dislikes)
        )
        return Tray(likes, dislikes, self.others)

    def with_one(self, side: Side, name: str) -> "Tray":
        """Return the tray with a product on one side, and not on the other."""
        rest = self.without(name)
        if side == "like":
            return Tray((*rest.likes, Entry(name)), rest.dislikes, self.others)
        return Tray(rest.likes, (*rest.dislikes, Entry(name)), self.others)

    @property
    def url(self) -> str:
        """Return the address of the page with this tray."""
        sides = {"like": [*map(str, self.likes)], "dislike": [*map(str, self.dislikes)]}
        return with_parameters(url_for("tray_page.tray"), {**sides, **self.others})


@lru_cache(maxsize=8)
def _tray_model(catalog: Catalog) -> type[TrayQuery]:
    top_n = (int, Field(default=RESULTS, ge=1, le=MOST_SIMILAR))
    return create_model("TrayPageQuery", __base__=TrayQuery, top_n=top_n, **capped(catalog))


@blueprint.get("/tray")
@with_catalog
def tray(catalog: Catalog) -> str:
    """Show the tray, and the products that are like its likes and unlike its dislikes."""
    model = _tray_model(catalog)
    given = given_parameters(catalog, model, request.args)
    asked, filters = read_with_filters(catalog, model, unwrap_single(given.items()))
    here = _read(asked, given)
    entries = [*here.likes, *here.dislikes]
    with connection() as borrowed:
        items = find_items(borrowed, catalog, [entry.key for entry in entries])
        facets = count_facets(borrowed, catalog, {})
        state = catalog_state(borrowed)
    answer, reason = None, None
    if any(entry.key in items for entry in here.likes):
        try:
            answer = _recommend(catalog, here, items, asked, filters)
        except QueryError as error:
            reason = error.reason
        except NoModelError as error:
            reason = str(error)
    return render_template(
        "tray.html",
        catalog=catalog,
        given=given,
        chosen=chosen_filters(catalog, given),
        form=filter_form(catalog, facets, given),
        state=state,
        tray=here,
        items={entry.name: items[entry.key] for entry in entries if entry.key in items},
        gone=[entry for entry in entries if entry.key not in items],
        without_vector=set(answer.unknown_ids) if answer else set(),
        answer=answer,
        reason=reason,
        weights=WEIGHTS,
        varieties={**VARIETIES, asked.diversity: VARIETIES.get(asked.diversity, "As asked")},
        diversity=asked.diversity,
    )


@blueprint.app_template_global()
def tray_url(likes: Iterable[Product]) -> str:
    """Return the address of a tray of some products."""
    return Tray(tuple(Entry(product.sku) for product in likes), (), {}).url


def _read(asked: TrayQuery, given: Given) -> Tray:
    """Return the tray of an address: each product once, as it is named first."""
    likes = {entry.name: entry for entry in reversed(asked.like)}
    dislikes = {entry.name: entry for entry in reversed(asked.dislike) if entry.name not in likes}
    others = {name: values for name, values in given.items() if name not in ("like", "dislike")}
    return Tray(tuple(reversed(likes.values())), tuple(reversed(dislikes.values())), others)


def _recommend(
    catalog: Catalog,
    here: Tray,
    items: Mapping[ItemKey, Item],
    asked: TrayQuery,
    filters: Mapping[str, Any],
) -> Recommendations:
    def examples(side: Iterable[Entry]) -> list[dict[str, Any]]:
        return [
            {"item_id": items[entry.key].item_id, "weight": entry.weight}
            for entry in side
            if entry.key in items
        ]

    how = asked.model_dump(include=set(Options.model_fields), exclude_unset=True)
    question = request_model(catalog)(
        positive=examples(here.likes),
        negative=examples(here.dislikes),
        filters=filters,
        **{**how, "top_n": asked.top_n},
    )
    return recommend(photo_search(), catalog, question)
