"""Products that a text finds: by their names and brands, and by how they look."""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, create_model

from app.catalog.attributes import Catalog
from app.catalog.filters import Text
from app.database import query
from app.items import cursors
from app.items.product import Address, Pictured, product_columns, with_attributes
from app.models import NONE_ACTIVE
from app.search.errors import QueryError

TOP_N = 20
MOST = 1000
"""Most results of a text, all pages together: the limit of `search_by_words`."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("expected words")
    return text


Words = Annotated[Text, AfterValidator(_not_blank)]


class WordsQuery(BaseModel):
    """What to search for, and how many results a page has."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Words, Field(description="words of a name or brand, or of a look; or a sku")]
    top_n: int = Field(default=TOP_N, ge=1, le=MOST, description="maximum number of products")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")
    explain: bool = Field(default=False, description="explain how the answer was found")


class FoundItem(Pictured):
    """A product that a text finds."""

    similarity: float | None = Field(
        description="cosine of its photo's vector and the text's; null if either has none"
    )
    distance: float | None = Field(description="1 - similarity")
    text_rank: int | None = Field(description="rank by name and brand; null if they don't match")
    look_rank: int | None = Field(description="rank by look; null if it is not near")
    photo_position: int | None = Field(description="which of its photos is the most similar")

    @computed_field(description="words: by its name or brand; look: by its photo; or both")
    def found(self) -> Literal["words", "look", "both"]:
        """Return what found the product."""
        if self.look_rank is None:
            return "words"
        return "look" if self.text_rank is None else "both"

    @computed_field(description="path of that photo on this server; null without one")
    def image_url(self) -> Address:
        """Return the path of that photo on this server, None without one."""
        return self.image_at(self.photo_position)


class ReadWord(BaseModel):
    """How a word of the text was read."""

    word: str
    read_as: str
    known: Literal["word", "spelling", "parts"] | None = Field(
        description="word: the model knows it; spelling: read_as is a known word that differs by a "
        "letter; parts: only by its letters; null: not at all"
    )


class WordsExplanation(BaseModel):
    """How an answer was found."""

    text: str = Field(description="what the names and brands were searched for, as a tsquery")
    look: str = Field(description="what the photos were compared with, or why with nothing")
    words: list[ReadWord]
    sql_milliseconds: float = Field(description="time spent in the database")


class FoundItems(BaseModel):
    """Products that a text finds, and the query as it was understood."""

    query: dict[str, Any] = Field(description="the query as it was understood")
    model: str | None = Field(description="the active model; null before there is one")
    by_look: bool = Field(description="whether the photos were compared with the text")
    requested: int
    returned: int
    results: list[FoundItem] = Field(
        description="that sku, name or brand first; then those that fit by name and by look, by "
        "name, by look"
    )
    next_cursor: str | None = Field(description="cursor of the next page; null on the last")
    explain: WordsExplanation | None = Field(default=None, description="present if requested")

    def left_out(self) -> set[str] | None:
        """Return the fields to leave out of the answer's JSON."""
        return {"explain"} if self.explain is None else None


@lru_cache(maxsize=8)
def found_model(catalog: Catalog) -> type[FoundItems]:
    """Return the model of answers whose results have a catalog's attributes."""
    results: Any = (
        list[with_attributes(FoundItem, catalog)],  # type: ignore[misc]
        Field(description=FoundItems.model_fields["results"].description),
    )
    return create_model(
        "FoundItems", __base__=FoundItems, __doc__=FoundItems.__doc__, results=results
    )


def search_by_words(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    asked: WordsQuery,
    filters: Mapping[str, Any],
    *,
    photo_only: bool = False,
) -> FoundItems:
    """Find the listed products that a text describes.

    Args:
        connection: a connection.
        catalog: the declared attributes.
        asked: the text and the page.
        filters: for `filter_items`.
        photo_only: only products with a photo.

    Returns:
        `top_n` products whenever so many match the filters and the text can be compared with
        photos; else those whose names or brands match.

    Raises:
        CursorError: the cursor is of another request, or invalid.
    """
    question = cursors.digest("search", filters, asked.q, photo_only)
    first = 0 if asked.cursor is None else cursors.decode(asked.cursor, question, 1)[0]
    end = min(MOST, first + asked.top_n)
    begun = time.perf_counter()
    parameters = {
        "q": asked.q,
        "top_n": min(MOST, end + 1),
        "filter": Jsonb(filters),
        "with_photo": photo_only,
    }
    statement = query(__package__, "find_by_words").format(columns=product_columns(catalog))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, parameters).fetchall()
    milliseconds = 1000 * (time.perf_counter() - begun)
    how = rows[0]
    found = [row for row in rows if row["item_id"] is not None]
    results = found[first:end]
    more = end < len(found)
    return found_model(catalog).model_validate(
        {
            "query": {"q": asked.q, "top_n": asked.top_n, "filters": dict(filters)},
            "model": how["_model"],
            "by_look": how["_by_look"],
            "requested": asked.top_n,
            "returned": len(results),
            "results": results,
            "next_cursor": cursors.encode((end,), question) if more else None,
            "explain": _explain(connection, asked.q, how, milliseconds) if asked.explain else None,
        }
    )


def text_vector(
    connection: psycopg.Connection[Any], model: str, parameter: str, text: str
) -> NDArray[np.float64]:
    """Return the vector of a text by the active model, of length 1, shape `(dimensions,)`.

    Args:
        connection: a connection.
        model: the active model's name.
        parameter: the request's field that the text came in.
        text: the text.

    Raises:
        QueryError: the model knows none of its words.
    """
    row = connection.execute(query(__package__, "embed_text"), {"text": text}).fetchone()
    assert row is not None  # noqa: S101 - it has no FROM
    vector, has_words = row
    if vector is None:
        raise QueryError(parameter, _unknown(model, has_words))
    found: NDArray[np.float64] = vector.to_numpy().astype(np.float64)
    return found


def _unknown(model: str, has_words: bool) -> str:
    if has_words:
        return f"{model} knows none of these words"
    return f"{model} has no word vectors yet: run `lookalike train words`"


def _explain(
    connection: psycopg.Connection[Any], q: str, how: Mapping[str, Any], milliseconds: float
) -> WordsExplanation:
    with connection.cursor(row_factory=class_row(ReadWord)) as rows:
        words = rows.execute(query(__package__, "list_read_words"), {"q": q}).fetchall()
    if how["_by_look"]:
        look = " ".join(word.read_as for word in words if word.known is not None)
    elif how["_model"] is None:
        look = NONE_ACTIVE
    else:
        look = _unknown(how["_model"], how["_has_words"])
    return WordsExplanation(
        text=how["_text"], look=look, words=words, sql_milliseconds=round(milliseconds, 3)
    )
