"""Products similar to several examples and away from others: the average-vector strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import dict_row
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from app.catalog.attributes import Catalog
from app.catalog.filters import Filters, filters_model
from app.database import query
from app.items.keys import LAST_ID, MAX_SKU, ItemKey
from app.search.answers import SimilarItems, answer_model
from app.search.by_photo import NO_DIRECTION, Photo, PhotoSearch, with_vectors
from app.search.by_words import Words, text_vector
from app.search.errors import QueryError
from app.search.nearest import nearest
from app.search.options import Options, SearchOptions, capped
from app.search.query import SearchQuery

MAX_EXAMPLES = 100
"""Maximum number of products of a list."""

ItemId = Annotated[int, Field(strict=True, ge=1, le=LAST_ID)]
Sku = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_SKU, pattern=r"^[^\x00]*$")]


class Example(BaseModel):
    """A product to be like or unlike, by its sku or item_id, or a text that says how it looks."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku | None = None
    item_id: ItemId | None = None
    text: Words | None = None
    weight: float = Field(
        default=1.0,
        strict=True,
        gt=0,
        allow_inf_nan=False,
        description="its weight relative to the others of its list",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_once(cls, value: Any) -> Any:
        if isinstance(value, dict) and len({"sku", "item_id", "text"} & set(value)) != 1:
            raise ValueError(
                'expected a sku (a text), an item_id (a number), {"sku": …} or {"text": …}'
            )
        return value

    @field_validator("sku", "item_id", "text", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("expected a sku (a text), an item_id (a number) or a text")
        return value

    @property
    def key(self) -> ItemKey:
        """Return the product."""
        named: str | int | None = self.sku if self.sku is not None else self.item_id
        assert named is not None  # noqa: S101 - _named_once made sure
        return ItemKey.from_json(named)


def _as_example(value: Any) -> Any:
    if isinstance(value, dict | Example):
        return value
    return {"sku" if isinstance(value, str) else "item_id": value}


Examples = Annotated[
    list[
        Annotated[
            Example, BeforeValidator(_as_example, json_schema_input_type=Sku | ItemId | Example)
        ]
    ],
    Field(max_length=MAX_EXAMPLES),
]


class RecommendationRequest(Options):
    """Products to be like and unlike, and which products may be results."""

    # With photos as examples it may lack them, but then it is a text within a form.
    model_config = ConfigDict(json_schema_extra={"required": ["positive"]})

    positive: Examples = Field(
        default_factory=list,
        description="products or texts to be like",
        json_schema_extra={"minItems": 1},
    )
    negative: Examples = Field(default_factory=list, description="products or texts to be unlike")
    filters: Filters = Field(default_factory=Filters)


@lru_cache(maxsize=8)
def request_model(catalog: Catalog) -> type[RecommendationRequest]:
    """Return the class of requests for recommendations from a catalog."""
    filters = filters_model(catalog)
    return create_model(
        "RecommendationRequest",
        __base__=RecommendationRequest,
        __doc__=RecommendationRequest.__doc__,
        filters=(filters, Field(default_factory=filters)),
        **capped(catalog),
    )


class Recommendations(SimilarItems):
    """Products similar to examples."""

    unknown_ids: list[int | str] = Field(
        description="products of the request that were ignored: unknown, removed or not embedded"
    )


def recommend(
    engine: PhotoSearch,
    catalog: Catalog,
    asked: RecommendationRequest,
    positive: Sequence[Photo] = (),
    negative: Sequence[Photo] = (),
) -> Recommendations:
    """Find the listed products that are like some examples, and unlike others.

    The query is the weighted mean of the positive unit vectors; with negatives, that mean plus its
    difference from theirs.

    Args:
        engine: the database and the encoders.
        catalog: the declared attributes.
        asked: the examples from the catalog, and which products may be results.
        positive: photos to be like, each of weight 1.
        negative: photos to be unlike, each of weight 1.

    Returns:
        `top_n` products whenever so many match, none of the examples among them.

    Raises:
        QueryError: no positive example has a vector, the examples cancel each other out, or a photo
            can't be used.
        NoModelError: no model is active.
        LookalikeError: this machine lacks the model's weights.
    """
    if not (asked.positive or positive):
        raise QueryError(
            "positive", "name at least one product, or give a text or a photo, to be like"
        )
    options = SearchOptions(catalog, asked, asked.filters.as_json())

    def search(
        connection: psycopg.Connection[Any], model: str, vectors: NDArray[np.float32]
    ) -> Recommendations:
        examples = asked.positive + asked.negative
        keys = [example.key for example in examples if example.text is None]
        found = _find_examples(connection, keys)
        likes = _sum_up(asked.positive, found, vectors[: len(positive)])
        likes += _texts(connection, model, "positive", asked.positive)
        dislikes = _sum_up(asked.negative, found, vectors[len(positive) :])
        dislikes += _texts(connection, model, "negative", asked.negative)
        direction = HalfVector(_direction(likes, dislikes))
        search_query = SearchQuery(
            model=model,
            asked={
                "positive": _repeat(asked.positive, found, positive),
                "negative": _repeat(asked.negative, found, negative),
            },
            photos=frozenset(
                [photo.sha256 for photo in (*positive, *negative)]
                + [sha256 for product in found.values() for sha256 in product.photos]
            ),
            examples=np.stack([vector for vector, _ in likes + dislikes]).astype(np.float32),
        )
        excluded = sorted({product.item_id for product in found.values()})
        answer = nearest(connection, direction, search_query, options, excluded)
        recommendations: Recommendations = answer_model(Recommendations, catalog)(
            **dict(answer), unknown_ids=_without_vector(keys, found)
        )
        return recommendations

    return with_vectors(engine, [*positive, *negative], search)


Vector = NDArray[np.float64]
Weighted = list[tuple[Vector, float]]


@dataclass(frozen=True)
class _Found:
    """A product of a request."""

    item_id: int
    sku: str
    vector: Vector | None
    photos: list[str]
    """The SHA-256 of each of its photos."""


def _find_examples(
    connection: psycopg.Connection[Any], keys: Sequence[ItemKey]
) -> Mapping[ItemKey, _Found]:
    """Return the products of a request that exist."""
    parameters = {"skus": [key.sku for key in keys], "item_ids": [key.item_id for key in keys]}
    with connection.cursor(row_factory=dict_row) as rows:
        rows.execute(query(__package__, "fetch_examples"), parameters)
        return {
            keys[row["number"] - 1]: _Found(
                row["item_id"],
                row["sku"],
                row["embedding"] and row["embedding"].to_numpy().astype(np.float64),
                row["photos"],
            )
            for row in rows
        }


def _without_vector(keys: Sequence[ItemKey], found: Mapping[ItemKey, _Found]) -> list[int | str]:
    """Return the keys of products without a vector as the caller wrote them, each once."""
    return [
        key.written for key in dict.fromkeys(keys) if key not in found or found[key].vector is None
    ]


def _texts(
    connection: psycopg.Connection[Any], model: str, parameter: str, examples: list[Example]
) -> Weighted:
    """Return the vectors of one side's texts with their weights."""
    return [
        (text_vector(connection, model, parameter, example.text), example.weight)
        for example in examples
        if example.text is not None
    ]


def _sum_up(
    examples: list[Example], found: Mapping[ItemKey, _Found], photos: NDArray[np.float32]
) -> Weighted:
    """Return the vectors of one side with their weights."""
    products = [
        (found[e.key].vector, e.weight) for e in examples if e.text is None and e.key in found
    ]
    items = [(vector, weight) for vector, weight in products if vector is not None]
    return items + [(vector.astype(np.float64), 1.0) for vector in photos]


def _direction(likes: Weighted, dislikes: Weighted) -> Vector:
    """Return the unit vector to compare with."""
    if not likes:
        raise QueryError("positive", "no product of the list is known and embedded")
    target = _mean(likes)
    if dislikes:
        target = target + (target - _mean(dislikes))
    length = np.linalg.norm(target)
    if not length > NO_DIRECTION:
        raise QueryError(
            "positive", "these examples cancel each other out, so nothing can be like all of them"
        )
    direction: Vector = target / length
    return direction


def _mean(side: Weighted) -> Vector:
    weights = np.array([weight for _, weight in side], dtype=np.float64)
    weights /= weights.max()  # so that no sum overflows
    mean: Vector = weights @ np.stack([vector for vector, _ in side]) / weights.sum()
    return mean


def _repeat(
    examples: list[Example], found: Mapping[ItemKey, _Found], photos: Sequence[Photo]
) -> list[dict[str, Any]]:
    """Return one side for the answer's `query`, with sku and item_id of products that exist."""
    return [
        {
            **(
                {"item_id": found[example.key].item_id, "sku": found[example.key].sku}
                if example.text is None and example.key in found
                else example.model_dump(include={"item_id", "sku", "text"}, exclude_none=True)
            ),
            "weight": example.weight,
        }
        for example in examples
    ] + [{"image": photo.described(), "weight": 1.0} for photo in photos]
