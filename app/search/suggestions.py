"""Suggestions for what a person types: values of the catalog, and names of products."""

from functools import lru_cache
from typing import Annotated, Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.attributes import Catalog
from app.database import query
from app.search.by_words import Words

LIMIT = 8


class SuggestionsQuery(BaseModel):
    """The text so far."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Words, Field(description="what has been typed")]
    limit: int = Field(default=LIMIT, ge=1, le=20, description="maximum number of suggestions")


class Suggestion(BaseModel):
    """A text to search for."""

    text: str = Field(description="what was typed, completed")
    kind: str = Field(description="what completes it: an attribute, brand_name, or name")


class Suggestions(BaseModel):
    """Texts to search for that begin with what was typed: values first, then names."""

    suggestions: list[Suggestion]


def suggest(
    connection: psycopg.Connection[Any], catalog: Catalog, asked: SuggestionsQuery
) -> Suggestions:
    """Complete a text, or its last word, by the values of text facets and by names of products.

    Letters match whatever their case; of a value of several words each may be the one that is
    typed. Its cost grows with the number of distinct values, not with that of products.

    Args:
        connection: a connection.
        catalog: the declared attributes.
        asked: the text and how many suggestions there may be.
    """
    typed = " ".join(asked.q.split())
    before, _, last = typed.rpartition(" ")
    with connection.cursor(row_factory=class_row(Suggestion)) as cursor:
        found = cursor.execute(
            _statement(catalog),
            {
                "typed": _pattern(typed),
                "last": _pattern(last),
                "before": f"{before} " if before else "",
                "limit": asked.limit,
            },
        ).fetchall()
    return Suggestions(suggestions=found)


def _pattern(text: str) -> str:
    """Return a LIKE pattern for what begins with a text, without the wildcards that it holds."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"{text.lower()}%"


@lru_cache(maxsize=8)
def _statement(catalog: Catalog) -> sql.Composed:
    columns = [each.name for each in catalog.facets if each.type == "text"]
    branches = [
        query(__package__, "suggest_values").format(
            kind=sql.Literal(name), column=sql.Identifier("i", name)
        )
        for name in ("brand_name", *columns)
    ]
    return query(__package__, "suggest").format(values=sql.SQL("\nUNION ALL\n").join(branches))
