"""Finding the products nearest to a query, for all kinds of searches."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import psycopg
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from app.catalog.attributes import Catalog
from app.database import Database, query
from app.items.product import product_columns
from app.search.answers import Explanation, SimilarItems, answer_model
from app.search.options import SearchOptions
from app.search.query import SearchQuery
from app.search.variety import choose

MAX_POOL = 10_000
"""Maximum candidates to choose a varied answer from: the limit of `search_candidates`."""

Row = dict[str, Any]
Parameters = Mapping[str, Any]


@contextmanager
def search_connection(
    database: Database, *, one_statement: bool = False
) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection with `ef_search` of the settings.

    Args:
        database: the open database.
        one_statement: the statements need no common transaction, which saves the round trips that
            begin and end it. There is one all the same where `ef_search` is set, since that holds
            for a transaction: behind a pooler others use the session too.
    """
    ef_search = database.settings.hnsw_ef_search
    with database.connection(autocommit=one_statement and ef_search is None) as connection:
        if ef_search is not None:
            value = str(ef_search)
            connection.execute("SELECT set_config('lookalike.ef_search', %s, true)", [value])
        yield connection


@dataclass(frozen=True)
class Found:
    """The nearest products to a query, and how they were found."""

    rows: list[Row]
    """Nearest first, each product once."""
    query: Row
    """A row with `_model`, `_item_id`, `_sku` and, if the options compare photos, `_photos` of the
    product asked about; None if it was a vector."""
    pool: int
    """How many were asked for."""
    vectors: int
    """How many vectors they were compared with."""
    search: str
    reason: str
    candidates: int
    ef_search: int | None
    milliseconds: float
    """Time spent in the database."""


def nearest(
    connection: psycopg.Connection[Any],
    embedding: HalfVector,
    search_query: SearchQuery,
    options: SearchOptions,
    excluded: Sequence[int] = (),
) -> SimilarItems:
    """Find the listed products that are nearest to a vector by cosine distance.

    Args:
        connection: in the transaction in which the vector was read or its model was found active,
            so that the model can't be switched in between.
        embedding: the vector.
        search_query: what it was made from.
        options: which products may be results, how many, how varied.
        excluded: ids of products to leave out.

    Returns:
        `top_n` products whenever so many match the options.
    """
    parameters = {"query": embedding, "excluded": list(excluded)}

    def find(pool: int) -> Found:
        (found,) = find_each(connection, "near_vector", parameters, options, pool).values()
        return found

    return answer(connection, search_query, options, find(first_pool(options)), find)


def first_pool(options: SearchOptions) -> int:
    """Return how many candidates to ask for first."""
    how = options.how
    return min(MAX_POOL, max(100, 10 * how.top_n)) if how.varied else how.top_n


def answer(
    connection: psycopg.Connection[Any],
    search_query: SearchQuery,
    options: SearchOptions,
    found: Found,
    find: Callable[[int], Found],
) -> SimilarItems:
    """Return an answer with what was found; a varied one may take more candidates.

    Args:
        connection: to the database.
        search_query: the query.
        options: which products may be results, how many, how varied.
        found: the first candidates.
        find: returns so many candidates.
    """
    how = options.how
    milliseconds = found.milliseconds
    while True:
        chosen = choose(found.rows, search_query, how) if how.varied else found.rows
        if len(chosen) >= how.top_n or len(found.rows) < found.pool or found.pool == MAX_POOL:
            break
        found = find(min(MAX_POOL, 4 * found.pool))
        milliseconds += found.milliseconds
    if how.min_similarity is not None:
        chosen = [row for row in chosen if row["similarity"] >= how.min_similarity]
    similar: SimilarItems = answer_model(SimilarItems, options.catalog)(
        query={**search_query.asked, **options.as_question()},
        model=search_query.model,
        search=found.search,
        requested=how.top_n,
        returned=len(chosen),
        results=chosen,
        explain=_explain(connection, search_query, options, found, milliseconds)
        if how.explain
        else None,
    )
    return similar


def find_each(
    connection: psycopg.Connection[Any],
    queries: str,
    parameters: Parameters,
    options: SearchOptions,
    pool: int,
) -> dict[int, Found]:
    """Find the products nearest to each of some queries, in one statement.

    Args:
        connection: to the database.
        queries: the part of the statement that searches: `near_vector` or `near_products`.
        parameters: its own parameters.
        options: which products may be results.
        pool: how many products.

    Returns:
        What was found, by the number of the query; the vector's is 1. Products that have no vector
        are missing.
    """
    statement = _statement(options.catalog, queries, options.how.compared)
    given = {**parameters, "top_n": pool, "filter": Jsonb(options.filters)}
    begun = time.perf_counter()
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, given, prepare=True).fetchall()
    milliseconds = 1000 * (time.perf_counter() - begun)
    return {
        number: _found(list(group), pool, milliseconds)
        for number, group in groupby(rows, lambda row: row["_number"])
    }


@lru_cache(maxsize=32)
def _statement(catalog: Catalog, queries: str, compared: bool) -> bytes:
    """Return the statement `find_nearest` with the parts that are needed."""
    statement = query(__package__, "find_nearest").format(
        # A plan that the server keeps must not outlive a change of the columns' types.
        version=sql.SQL("-- catalog {}").format(sql.Literal(catalog.version)),
        columns=product_columns(catalog),
        for_variety=query(__package__, "for_variety") if compared else sql.SQL(""),
        queries=query(__package__, queries),
    )
    return statement.as_bytes()


def _found(group: list[Row], pool: int, milliseconds: float) -> Found:
    """Return what was found for a query, each product at its distance to the nearest photo."""
    parts = {row["_photo"]: row for row in group}.values()
    how = next((part for part in parts if part["_search"] != "exact"), group[0])
    best: dict[int, Row] = {}
    for row in group:
        if row["item_id"] is not None:
            best.setdefault(row["item_id"], row)
    return Found(
        rows=list(best.values())[:pool],
        query=group[0],
        pool=pool,
        vectors=len(parts),
        search=how["_search"],
        reason=how["_reason"],
        candidates=sum(part["_candidates"] or 0 for part in parts),
        ef_search=how["_ef_search"],
        milliseconds=milliseconds,
    )


def _explain(
    connection: psycopg.Connection[Any],
    search_query: SearchQuery,
    options: SearchOptions,
    found: Found,
    milliseconds: float,
) -> Explanation:
    candidates = found.candidates
    if found.search == "exact":
        parameters = {"filter": Jsonb(options.filters)}
        row = connection.execute(query(__package__, "count_compared"), parameters).fetchone()
        candidates = row[0] * found.vectors if row else 0
    return Explanation.model_validate(
        {
            "model": search_query.model,
            "search": found.search,
            "reason": found.reason,
            "candidates": candidates,
            "ef_search": found.ef_search if found.search == "approximate" else None,
            "sql_milliseconds": round(milliseconds, 3),
        }
    )
