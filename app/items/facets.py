"""What a person can choose from in a catalog: each filter's values, counted."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from app.database import query
from app.items.attributes import Filters

FACETS = (
    "gender",
    "master_category",
    "sub_category",
    "article_type",
    "base_colour",
    "season",
    "usage",
)
"""The filters whose values are few enough to choose from a list."""


@dataclass(frozen=True)
class Facets:
    """The products on sale with a photo that match a question."""

    total: int
    """How many there are."""
    counts: dict[str, dict[str, int]]
    """By filter, in the order of the alphabet: the values that would find any, and how many."""


@dataclass(frozen=True)
class CatalogState:
    """How far the way from a catalog to similar items has come."""

    ingested: bool
    """Whether any product is on sale."""
    pictured: bool
    """Whether any of them has a photo."""
    embedded: bool
    """Whether any of them has a vector of the active model."""


@dataclass(frozen=True)
class _Count:
    facet: str | None
    value: str | None
    products: int


def count_facets(
    connection: psycopg.Connection[Any], filters: Filters, q: str | None = None
) -> Facets:
    """Count the products that match, and those that each value of each filter would find.

    A filter's own values are counted as if it was not given, so that another can be chosen
    instead; all other filters and the words hold.

    Args:
        connection: a connection.
        filters: which products.
        q: words of the name or brand.
    """
    found = _count(connection, filters, q)
    for name in FACETS:
        if getattr(filters, name) is not None:
            without = filters.model_copy(update={name: None})
            found.counts[name] = _count(connection, without, q).counts[name]
    return found


def catalog_state(connection: psycopg.Connection[Any]) -> CatalogState:
    """Return how far the way from a catalog to similar items has come."""
    with connection.cursor(row_factory=class_row(CatalogState)) as cursor:
        state = cursor.execute(query(__package__, "catalog_state")).fetchone()
    assert state is not None  # noqa: S101 - a SELECT without FROM gives a row
    return state


def _count(connection: psycopg.Connection[Any], filters: Filters, q: str | None) -> Facets:
    parameters = {"filter": Jsonb(filters.as_json()), "q": q or None}
    total = 0
    counts: dict[str, dict[str, int]] = {name: {} for name in FACETS}
    with connection.cursor(row_factory=class_row(_Count)) as cursor:
        for row in cursor.execute(query(__package__, "facets"), parameters):
            if row.facet is None:
                total = row.products
            elif row.value is not None:
                counts[row.facet][row.value] = row.products
    return Facets(total, counts)
