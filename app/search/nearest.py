"""The nearest products to a vector: the one way from any question to its answer."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from app.database import query
from app.search.answers import Explanation, SimilarItem, SimilarItems
from app.search.options import SearchOptions
from app.search.variety import choose

MAX_POOL = 10_000
"""Candidates that a varied answer is chosen from, at most: what `search_candidates` gives."""


@dataclass(frozen=True)
class Question:
    """What to compare the products with."""

    model: str
    """The active model, which made the vector."""
    embedding: HalfVector
    asked: dict[str, Any]
    """How the answer repeats the question."""
    excluded: list[int] = field(default_factory=list)
    """Products that are no answer: those asked about."""
    photos: frozenset[str] = frozenset()
    """SHA-256 of the photos asked about: the same file is a duplicate."""
    examples: NDArray[np.float32] | None = None
    """The unit vectors, `(N, dimensions)`, that `embedding` was made from, where it was from
    several: what is near-identical to one of them is a duplicate."""


def nearest(
    connection: psycopg.Connection[Any], question: Question, options: SearchOptions
) -> SimilarItems:
    """Find the products on sale that are nearest by cosine distance.

    Args:
        connection: in the transaction in which the question's vector was read or its model found
            active, so that no switch of models comes between.
        question: what to compare with.
        options: which products may be answers, how many, how varied.

    Returns:
        `top_n` products whenever so many match the options.
    """
    begun = time.perf_counter()
    pool = min(MAX_POOL, max(100, 10 * options.top_n)) if options.varied else options.top_n
    while True:
        rows = _candidates(connection, question, options, pool)
        found = [row for row in rows if row["item_id"] is not None]
        chosen = choose(found, question, options) if options.varied else found
        if len(chosen) >= options.top_n or len(found) < pool or pool == MAX_POOL:
            break
        pool = min(MAX_POOL, 4 * pool)
    milliseconds = 1000 * (time.perf_counter() - begun)
    if options.min_similarity is not None:
        chosen = [row for row in chosen if row["similarity"] >= options.min_similarity]
    how = rows[0]
    return SimilarItems(
        query={**question.asked, **options.as_question()},
        model=question.model,
        search=how["search"],
        requested=options.top_n,
        returned=len(chosen),
        results=[SimilarItem.model_validate(row) for row in chosen],
        explain=_explain(connection, question, options, how, milliseconds)
        if options.explain
        else None,
    )


def _candidates(
    connection: psycopg.Connection[Any], question: Question, options: SearchOptions, pool: int
) -> list[dict[str, Any]]:
    parameters = {
        "query": question.embedding,
        "top_n": pool,
        "filter": Jsonb(options.as_json()),
        "excluded": question.excluded,
        "with_embeddings": options.exclude_duplicates or options.diversity > 0,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(__package__, "nearest"), parameters).fetchall()


def _explain(
    connection: psycopg.Connection[Any],
    question: Question,
    options: SearchOptions,
    how: dict[str, Any],
    milliseconds: float,
) -> Explanation:
    candidates = how["candidates"]
    if how["search"] == "exact":
        parameters = {"filter": Jsonb(options.as_json())}
        row = connection.execute(query(__package__, "count_compared"), parameters).fetchone()
        candidates = row[0] if row else 0
    return Explanation(
        model=question.model,
        search=how["search"],
        reason=how["reason"],
        candidates=candidates,
        ef_search=how["ef_search"],
        sql_milliseconds=round(milliseconds, 3),
    )
