"""Similar items of many products at once."""

from functools import lru_cache
from typing import Annotated, Any

import psycopg
from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, create_model

from app.catalog.attributes import Catalog
from app.catalog.filters import Filters, filters_model
from app.errors import LookalikeError
from app.items.keys import LAST_ID, MAX_SKU, STORABLE, ItemKey
from app.search.answers import SimilarItems, answer_model
from app.search.options import (
    FIRST_PHOTO,
    TOP_N,
    Options,
    PhotoChoice,
    SearchOptions,
    capped,
)
from app.search.similar import similar_to_each

MAX_ITEMS = 100
"""Maximum number of products of a request."""

MAX_EACH = 100
"""Maximum `top_n`, so that an answer has some megabytes at most."""


def _key(value: Any) -> ItemKey:
    if isinstance(value, str) and 0 < len(value) <= MAX_SKU and STORABLE.fullmatch(value):
        return ItemKey.from_json(value)
    if type(value) is int and 0 < value <= LAST_ID:
        return ItemKey.from_json(value)
    raise ValueError("expected a sku (a text) or an item_id (a number)")


Key = Annotated[
    ItemKey,
    PlainValidator(_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": MAX_SKU},
                {"type": "integer", "minimum": 1, "maximum": LAST_ID},
            ]
        }
    ),
]


class BatchRequest(Options):
    """Products, and how many similar ones to find for each."""

    items: list[Key] = Field(
        min_length=1, max_length=MAX_ITEMS, description="skus (texts) or item_ids (numbers)"
    )
    top_n: int = Field(default=TOP_N, ge=1, le=MAX_EACH, description="how many for each")
    photos: PhotoChoice = Field(
        default=FIRST_PHOTO, description="which of each product's photos to compare with"
    )
    filters: Filters = Field(default_factory=Filters)


@lru_cache(maxsize=8)
def batch_model(catalog: Catalog) -> type[BatchRequest]:
    """Return the class of requests for many products of a catalog."""
    filters = filters_model(catalog)
    return create_model(
        "BatchRequest",
        __base__=BatchRequest,
        __doc__=BatchRequest.__doc__,
        filters=(filters, Field(default_factory=filters)),
        **capped(catalog),
    )


class Failure(BaseModel):
    """Why a product of a request can't be searched for."""

    status: int = Field(description="the status that the request for it alone has")
    detail: str = Field(description="what is wrong, and the way out")


class BatchAnswer(BaseModel):
    """What was found for one product of a request: `similar`, or else `problem`."""

    item: int | str = Field(description="the product, as the request names it")
    similar: SimilarItems | None
    problem: Failure | None


class Batch(BaseModel):
    """What was found for each product of a request, in its order."""

    answers: list[BatchAnswer]

    def left_out(self) -> dict[str, Any] | None:
        """Return the fields to leave out of the answer's JSON, as `SimilarItems.left_out` does."""
        explained = any(one.similar and one.similar.explain for one in self.answers)
        return None if explained else {"answers": {"__all__": {"similar": {"explain"}}}}


@lru_cache(maxsize=8)
def batch_answer_model(catalog: Catalog) -> type[Batch]:
    """Return the model of answers for many products, whose results have a catalog's attributes."""
    similar: Any = answer_model(SimilarItems, catalog) | None
    one = create_model(
        "BatchAnswer", __base__=BatchAnswer, __doc__=BatchAnswer.__doc__, similar=(similar, ...)
    )
    answers: Any = list[one]
    return create_model("Batch", __base__=Batch, __doc__=Batch.__doc__, answers=(answers, ...))


def search_batch(
    connection: psycopg.Connection[Any], catalog: Catalog, asked: BatchRequest
) -> list[tuple[ItemKey, SimilarItems | LookalikeError]]:
    """Find the products most similar to each of a request.

    Args:
        connection: to the database; an answer that needn't be varied is one statement.
        catalog: the declared attributes.
        asked: the request.

    Returns:
        Each product of the request with its similar ones, or with the error that it alone gets.

    Raises:
        NoModelError: no model is active.
    """
    options = SearchOptions(catalog, asked, asked.filters.as_json())
    found = similar_to_each(connection, asked.items, options, asked.photos)
    return list(zip(asked.items, found, strict=True))
