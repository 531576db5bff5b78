"""Suggestions for what a person types: values of the catalog, and names of products."""

from typing import Annotated, Any

import psycopg
from pydantic import BaseModel, ConfigDict, Field

from app.database import query
from app.items.values import Values
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
    connection: psycopg.Connection[Any], values: Values, asked: SuggestionsQuery
) -> Suggestions:
    """Complete a text, or its last word, by the values of text facets and by names of products.

    Letters match whatever their case; of a value of several words each may be the one that is
    typed.

    Args:
        connection: a connection.
        values: of the facets and the brand.
        asked: the text and how many suggestions there may be.

    Returns:
        Values that complete the whole text, then those that complete its last word, short ones
        first; then names.
    """
    typed = " ".join(asked.q.split()).lower()
    before, _, last = " ".join(asked.q.split()).rpartition(" ")
    completed: list[tuple[bool, int, str, str]] = []
    for kind, known in values.items():
        for value in known:
            small = value.lower()
            whole = small.startswith(typed)
            if whole or small.startswith(last.lower()) or f" {last.lower()}" in small:
                text = value if whole or not before else f"{before} {value}"
                completed.append((not whole, len(value), text, kind))
    found: dict[str, str] = {}
    for _, _, text, kind in sorted(completed)[: asked.limit]:
        found.setdefault(text, kind)
    parameters = {"typed": _pattern(typed), "limit": 10 * asked.limit}
    names = connection.execute(query(__package__, "suggest_names"), parameters).fetchall()
    for (name,) in sorted(set(names)):
        found.setdefault(name, "name")
    suggestions = [Suggestion(text=text, kind=kind) for text, kind in found.items()]
    return Suggestions(suggestions=suggestions[: asked.limit])


def _pattern(text: str) -> str:
    """Return a LIKE pattern for what begins with a text, without the wildcards that it holds."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"{text}%"
