"""Finding the products nearest to a query's vectors, for all kinds of searches."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from pgvector import HalfVector
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from app.database import Database, query
from app.items.product import product_columns
from app.search.answers import Explanation, SimilarItems, answer_model
from app.search.options import SearchOptions
from app.search.query import SearchQuery
from app.search.variety import choose

MAX_POOL = 10_000
"""Maximum candidates to choose a varied answer from: the limit of `search_candidates`."""


@contextmanager
def search_connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection with `ef_search` of the settings."""
    ef_search = database.settings.hnsw_ef_search
    with database.connection() as connection:
        if ef_search is not None:
            # For the transaction only: behind a pooler others use the session too.
            value = str(ef_search)
            connection.execute("SELECT set_config('lookalike.ef_search', %s, true)", [value])
        yield connection


def nearest(
    connection: psycopg.Connection[Any], search_query: SearchQuery, options: SearchOptions
) -> SimilarItems:
    """Find the listed products that are nearest by cosine distance.

    Args:
        connection: in the transaction in which the query's vectors were read or their model was
            found active, so that the model can't be switched in between.
        search_query: the vectors to compare with.
        options: which products may be results, how many, how varied.

    Returns:
        `top_n` products whenever so many match the options.
    """
    begun = time.perf_counter()
    how = options.how
    pool = min(MAX_POOL, max(100, 10 * how.top_n)) if how.varied else how.top_n
    while True:
        found = _find(connection, search_query, options, pool)
        chosen = choose(found.rows, search_query, how) if how.varied else found.rows
        if len(chosen) >= how.top_n or len(found.rows) < pool or pool == MAX_POOL:
            break
        pool = min(MAX_POOL, 4 * pool)
    milliseconds = 1000 * (time.perf_counter() - begun)
    if how.min_similarity is not None:
        chosen = [row for row in chosen if row["similarity"] >= how.min_similarity]
    answer: SimilarItems = answer_model(SimilarItems, options.catalog)(
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
    return answer


@dataclass(frozen=True)
class _Found:
    """The nearest products to a query's vectors, and how they were found."""

    rows: list[dict[str, Any]]
    """Nearest first, each product once."""
    search: str
    reason: str
    candidates: int
    ef_search: int | None


def _find(
    connection: psycopg.Connection[Any],
    search_query: SearchQuery,
    options: SearchOptions,
    pool: int,
) -> _Found:
    """Find `pool` products, each by the query vector that it is nearest to."""
    parts = [
        _find_by_one(connection, embedding, search_query.excluded, options, pool)
        for embedding in search_query.embeddings
    ]
    if len(parts) == 1:
        return parts[0]
    exact = all(part.search == "exact" for part in parts)
    how = next(part for part in parts if exact or part.search != "exact")
    return _Found(
        _merge(parts)[:pool],
        how.search,
        how.reason,
        sum(part.candidates for part in parts),
        how.ef_search,
    )


def _merge(parts: Sequence[_Found]) -> list[dict[str, Any]]:
    rows = sorted(
        (row for part in parts for row in part.rows),
        key=lambda row: (row["distance"], row["item_id"], row["photo_position"]),
    )
    best: dict[int, dict[str, Any]] = {}
    for row in rows:
        best.setdefault(row["item_id"], row)
    return list(best.values())


def _find_by_one(
    connection: psycopg.Connection[Any],
    embedding: HalfVector,
    excluded: list[int],
    options: SearchOptions,
    pool: int,
) -> _Found:
    parameters = {
        "query": embedding,
        "top_n": pool,
        "filter": Jsonb(options.filters),
        "excluded": excluded,
        "with_photos": options.how.exclude_duplicates,
        "with_embeddings": options.how.exclude_duplicates or options.how.diversity > 0,
    }
    statement = query(__package__, "find_nearest").format(columns=product_columns(options.catalog))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, parameters).fetchall()
    how = rows[0]
    return _Found(
        [row for row in rows if row["item_id"] is not None],
        how["_search"],
        how["_reason"],
        how["_candidates"] or 0,
        how["_ef_search"],
    )


def _explain(
    connection: psycopg.Connection[Any],
    search_query: SearchQuery,
    options: SearchOptions,
    found: _Found,
    milliseconds: float,
) -> Explanation:
    candidates = found.candidates
    if found.search == "exact":
        parameters = {"filter": Jsonb(options.filters)}
        row = connection.execute(query(__package__, "count_compared"), parameters).fetchone()
        candidates = row[0] * len(search_query.embeddings) if row else 0
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
