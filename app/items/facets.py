"""Facets: the values of attributes, with the number of products of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from app.catalog.attributes import Catalog
from app.database import query


@dataclass(frozen=True)
class Facets:
    """Counts of the listed products with a photo that match."""

    total: int
    """All of them."""
    counts: dict[str, dict[str, int]]
    """By facet: its values in alphabetical order, and how many products each would find."""


@dataclass(frozen=True)
class CatalogState:
    """Which steps from a catalog to similar items are done."""

    ingested: bool
    """Whether any product is listed."""
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
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    filters: Mapping[str, Any],
    q: str | None = None,
) -> Facets:
    """Count the products that match, and those that each value of each facet would find.

    The values of a facet are counted without its own filter, so that another can be chosen instead;
    all other filters and the words apply.

    Args:
        connection: a connection.
        catalog: its facets.
        filters: for `filter_items`.
        q: words of the name or brand.
    """
    facets = [attribute.name for attribute in catalog.facets]
    found = _count(connection, facets, filters, q)
    for name in facets:
        if name in filters:
            without = {other: value for other, value in filters.items() if other != name}
            found.counts[name] = _count(connection, [name], without, q).counts[name]
    return found


def catalog_state(connection: psycopg.Connection[Any]) -> CatalogState:
    """Return which steps from a catalog to similar items are done."""
    with connection.cursor(row_factory=class_row(CatalogState)) as cursor:
        state = cursor.execute(query(__package__, "fetch_catalog_state")).fetchone()
    assert state is not None  # noqa: S101 - a SELECT without FROM gives a row
    return state


def _count(
    connection: psycopg.Connection[Any],
    facets: list[str],
    filters: Mapping[str, Any],
    q: str | None,
) -> Facets:
    total = 0
    counts: dict[str, dict[str, int]] = {name: {} for name in facets}
    with connection.cursor(row_factory=class_row(_Count)) as cursor:
        for row in cursor.execute(_statement(facets), {"filter": Jsonb(filters), "q": q or None}):
            if row.facet is None:
                total = row.products
            elif row.value is not None:
                counts[row.facet][row.value] = row.products
    return Facets(total, counts)


def _statement(facets: list[str]) -> sql.Composed:
    columns = [sql.Identifier("i", name) for name in facets]
    names = [
        sql.SQL("WHEN grouping({}) = 0 THEN {}").format(column, sql.Literal(name))
        for name, column in zip(facets, columns, strict=True)
    ]
    values = [sql.SQL("{}::text").format(column) for column in columns]
    return query(__package__, "count_values").format(
        facet=sql.SQL("CASE {} END").format(sql.SQL(" ").join(names)) if names else sql.NULL,
        value=sql.SQL("coalesce({})").format(sql.SQL(", ").join(values)) if values else sql.NULL,
        sets=sql.SQL(", ").join([sql.SQL("()"), *(sql.SQL("({})").format(c) for c in columns)]),
    )
