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
from app.items.product import columns

MOST_VALUES = 200
"""Maximum number of values of a facet: a page with more would be no choice."""


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
    all other filters and the words apply. One statement counts all.

    Args:
        connection: a connection.
        catalog: its choices; the brand is one too.
        filters: for `filter_items`.
        q: words of the name or brand.

    Returns:
        Up to `MOST_VALUES` values of a facet, those of its own filter among them.
    """
    kinds = {facet.name: facet.type for facet in catalog.choices} | {"brand_name": "text"}
    parameters: dict[str, Any] = {
        "filter": Jsonb(filters),
        "q": q or None,
        "most": MOST_VALUES,
        "none": [],
    }
    branches = []
    for at, (name, kind) in enumerate(kinds.items()):
        relation, wanted = sql.Composed([sql.Identifier("matching")]), "none"
        if name in filters:
            wanted, without = f"wanted_{at}", f"without_{at}"
            parameters[wanted] = [
                str(value).lower() if isinstance(value, bool) else value for value in filters[name]
            ]
            parameters[without] = Jsonb({k: v for k, v in filters.items() if k != name})
            relation = sql.SQL("({})").format(_matching([name], without))
        column = sql.Identifier("i", name)
        branches.append(
            query(__package__, "count_facet").format(
                name=sql.Literal(name),
                value=sql.SQL("unnest({})").format(column) if kind == "text[]" else column,
                relation=relation,
                wanted=sql.Placeholder(wanted),
            )
        )
    statement = query(__package__, "count_facets").format(
        matching=_matching(kinds, "filter"), facets=sql.SQL("\nUNION ALL\n").join(branches)
    )
    total = 0
    counts: dict[str, dict[str, int]] = {name: {} for name in kinds}
    with connection.cursor(row_factory=class_row(_Count)) as cursor:
        for row in cursor.execute(statement, parameters):
            if row.facet is None:
                total = row.products
            elif row.value is not None:
                counts[row.facet][row.value] = row.products
    return Facets(total, {name: dict(sorted(values.items())) for name, values in counts.items()})


def catalog_state(connection: psycopg.Connection[Any]) -> CatalogState:
    """Return which steps from a catalog to similar items are done."""
    with connection.cursor(row_factory=class_row(CatalogState)) as cursor:
        state = cursor.execute(query(__package__, "fetch_catalog_state")).fetchone()
    assert state is not None  # noqa: S101 - a SELECT without FROM gives a row
    return state


def _matching(names: Mapping[str, str] | list[str], parameter: str) -> sql.Composed:
    return query(__package__, "list_facet_values").format(
        columns=columns(names), filter=sql.Placeholder(parameter)
    )
