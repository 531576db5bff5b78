"""The page of near-identical pairs, and the same list as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg
from flask import Blueprint, Response, current_app, render_template, request, stream_with_context
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.attributes import Catalog
from app.errors import LookalikeError
from app.http.answers import query_parameters, unwrap_single
from app.http.context import connection, with_catalog
from app.http.pages import given_parameters
from app.http.searches import DuplicatesQuery
from app.items.keys import ItemKey
from app.items.listing import Item, find_items
from app.items.parameters import read_parameters
from app.search.by_photo import hold_active_model
from app.search.duplicates import (
    LEAST_SIMILARITY,
    MIN_SIMILARITY,
    Pair,
    fill_page,
    list_duplicates,
    looked_through,
)
from app.search.errors import NoModelError

blueprint = Blueprint("duplicates_page", __name__)

PAGE_SIZE = 24

SECONDS = 2.0
"""How long a page looks for pairs before it shows what it has."""

THRESHOLDS = (1.0, 0.999, 0.995, MIN_SIMILARITY, 0.98, 0.95, 0.9)
"""Similarities that the page offers as the least."""

COLUMNS = ("sku", "name", "duplicate_sku", "duplicate_name", "similarity", "same_file")

CSV_PAIRS = 1000
"""Pairs of a CSV that are read at once."""


class DuplicatesPageQuery(DuplicatesQuery):
    """The parameters of `/duplicates`: those of the API."""

    limit: int = Field(default=PAGE_SIZE, ge=1, le=100)


class ExportQuery(BaseModel):
    """The parameters of `/duplicates.csv`."""

    model_config = ConfigDict(extra="forbid")

    min_similarity: float = Field(
        default=MIN_SIMILARITY, ge=LEAST_SIMILARITY, le=1, allow_inf_nan=False
    )


@blueprint.get("/duplicates")
@with_catalog
def duplicates(catalog: Catalog) -> str:
    """Show a page of pairs."""
    given = given_parameters(catalog, DuplicatesPageQuery, request.args)
    asked = read_parameters(DuplicatesPageQuery, unwrap_single(given.items()))
    pairs: list[Pair] = []
    items: dict[int, Item] = {}
    next_cursor, share, reason = None, 1.0, None
    with connection() as borrowed:
        try:
            page = fill_page(borrowed, asked.limit, asked.cursor, asked.min_similarity, SECONDS)
        except NoModelError as error:
            reason = str(error)
        else:
            items, next_cursor = _items(borrowed, catalog, page.pairs), page.next_cursor
            pairs = [p for p in page.pairs if {p.item_id, p.duplicate_id} <= set(items)]
            share = looked_through(borrowed, next_cursor, asked.min_similarity)
    return render_template(
        "duplicates.html",
        catalog=catalog,
        given=given,
        asked=asked,
        thresholds=sorted({*THRESHOLDS, asked.min_similarity}, reverse=True),
        pairs=pairs,
        items=items,
        next_cursor=next_cursor,
        share=share,
        reason=reason,
    )


@blueprint.get("/duplicates.csv")
@with_catalog
def export(catalog: Catalog) -> Response:
    """Stream all pairs as CSV, in the order of the page."""
    asked = read_parameters(ExportQuery, query_parameters())
    with connection() as borrowed:
        model = hold_active_model(borrowed).name  # before the answer begins, else it is a 503
    lines = _lines(catalog, model, asked.min_similarity)
    return current_app.response_class(
        stream_with_context(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="duplicates.csv"'},
    )


def _lines(catalog: Catalog, model: str, min_similarity: float) -> Iterator[str]:
    """Yield the CSV in parts. A connection is lent for each part, not for the whole download.

    Raises:
        LookalikeError: another model became active, whose similarities would not compare. The
            response then breaks off, which clients notice.
    """
    yield _csv([COLUMNS])
    cursor: str | None = None
    while True:
        with connection() as borrowed:
            if hold_active_model(borrowed).name != model:
                raise LookalikeError("another model became active during the export: start again")
            page = list_duplicates(borrowed, CSV_PAIRS, cursor, min_similarity)
            items = _items(borrowed, catalog, page.pairs)
        if page.pairs:
            yield _csv([_line(pair, items) for pair in page.pairs])
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(pair: Pair, items: Mapping[int, Item]) -> tuple[object, ...]:
    one, other = items.get(pair.item_id), items.get(pair.duplicate_id)
    return (
        pair.sku,
        one and one.product_display_name,
        pair.duplicate_sku,
        other and other.product_display_name,
        round(1 - pair.distance, 6),
        str(pair.same_file).lower(),
    )


def _items(
    borrowed: psycopg.Connection[Any], catalog: Catalog, pairs: Iterable[Pair]
) -> dict[int, Item]:
    """Return the products of pairs by item_id; one that has just left the catalog is missing."""
    ids = {each for pair in pairs for each in (pair.item_id, pair.duplicate_id)}
    found = find_items(borrowed, catalog, [ItemKey.from_json(each) for each in ids])
    return {item.item_id: item for item in found.values()}


def _csv(rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
