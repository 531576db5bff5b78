"""Products similar to several examples and away from others: the average-vector strategy."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.database import Database, query
from app.encoders.cache import EncoderCache
from app.items.attributes import Filters
from app.items.cursors import LAST_ID
from app.search.answers import SimilarItems
from app.search.by_photo import Photo, with_vectors
from app.search.errors import QuestionError
from app.search.nearest import Question, nearest
from app.search.options import Options, SearchOptions

MAX_EXAMPLES = 100
"""Products that a list may hold."""

NO_DIRECTION = 1e-3
"""Length up to which a sum of unit vectors in half precision is rounding."""

ItemId = Annotated[int, Field(strict=True, ge=1, le=LAST_ID)]


class Example(BaseModel):
    """A product to be like, or unlike."""

    model_config = ConfigDict(extra="forbid")

    item_id: ItemId
    weight: float = Field(
        default=1.0,
        strict=True,
        gt=0,
        allow_inf_nan=False,
        description="how much it counts beside the others of its list",
    )


def _as_example(value: Any) -> Any:
    return value if isinstance(value, dict | Example) else {"item_id": value}


Examples = Annotated[
    list[Annotated[Example, BeforeValidator(_as_example, json_schema_input_type=ItemId | Example)]],
    Field(max_length=MAX_EXAMPLES),
]


class RecommendationRequest(Options):
    """What to be like, what to be unlike, and which products may be answers."""

    positive: Examples = Field(default_factory=list, description="products to be like")
    negative: Examples = Field(default_factory=list, description="products to be unlike")
    filters: Filters = Field(default_factory=Filters)

    @property
    def options(self) -> SearchOptions:
        """Return what can be asked of any search."""
        given = self.model_dump(include=set(Options.model_fields), exclude_unset=True)
        return SearchOptions(**given, **self.filters.model_dump(exclude_unset=True))


class Recommendations(SimilarItems):
    """The answer to a question by examples."""

    unknown_ids: list[int] = Field(
        description="ids of the question that had no say: unknown, removed or not embedded"
    )


def recommend(
    database: Database,
    encoders: EncoderCache,
    asked: RecommendationRequest,
    positive: Sequence[Photo] = (),
    negative: Sequence[Photo] = (),
) -> Recommendations:
    """Find the products on sale that are like some examples, and unlike others.

    Compared is the weighted mean of the positive unit vectors; with negatives, that mean plus its
    difference from theirs.

    Args:
        database: the open database.
        encoders: where the active model's encoder is kept.
        asked: the examples from the catalog, and which products may be answers.
        positive: photos to be like, each of weight 1.
        negative: photos to be unlike, each of weight 1.

    Returns:
        `top_n` products whenever so many match, none of the examples among them.

    Raises:
        QuestionError: there is no positive example left, the examples cancel each other out, or a
            photo can't be used.
        NoModelError: no model is active.
        LookalikeError: this machine lacks the model's weights.
    """
    if not (asked.positive or positive):
        raise QuestionError("positive", "name at least one product, or send a photo, to be like")

    def search(
        connection: psycopg.Connection[Any], model: str, vectors: NDArray[np.float32]
    ) -> Recommendations:
        known = _known(connection, [example.item_id for example in asked.positive + asked.negative])
        likes = _sum_up(asked.positive, known, vectors[: len(positive)])
        dislikes = _sum_up(asked.negative, known, vectors[len(positive) :])
        question = Question(
            model=model,
            embedding=HalfVector(_direction(likes, dislikes)),
            asked={
                "positive": _repeat(asked.positive, positive),
                "negative": _repeat(asked.negative, negative),
            },
            excluded=sorted({example.item_id for example in asked.positive + asked.negative}),
            photos=frozenset(
                [photo.sha256 for photo in (*positive, *negative)]
                + [sha256 for _, sha256 in known.values()]
            ),
            examples=np.stack([vector for vector, _ in likes + dislikes]).astype(np.float32),
        )
        answer = nearest(connection, question, asked.options)
        unknown = [item_id for item_id in question.excluded if item_id not in known]
        return Recommendations(**dict(answer), unknown_ids=unknown)

    return with_vectors(database, encoders, [*positive, *negative], search)


Vector = NDArray[np.float64]
Weighted = list[tuple[Vector, float]]
Known = Mapping[int, tuple[Vector, str]]


def _known(connection: psycopg.Connection[Any], item_ids: list[int]) -> Known:
    """Return the vector and the photo's SHA-256 of those products that have one."""
    rows = connection.execute(query(__package__, "example_embeddings"), {"item_ids": item_ids})
    return {
        item_id: (embedding.to_numpy().astype(np.float64), sha256)
        for item_id, embedding, sha256 in rows
    }


def _sum_up(examples: list[Example], known: Known, photos: NDArray[np.float32]) -> Weighted:
    """Return the vectors of one side with their weights."""
    items = [
        (known[example.item_id][0], example.weight)
        for example in examples
        if example.item_id in known
    ]
    return items + [(vector.astype(np.float64), 1.0) for vector in photos]


def _direction(likes: Weighted, dislikes: Weighted) -> Vector:
    """Return the unit vector to compare with."""
    if not likes:
        raise QuestionError("positive", "no product of the list is known and embedded")
    target = _mean(likes)
    if dislikes:
        target = target + (target - _mean(dislikes))
    length = np.linalg.norm(target)
    if not length > NO_DIRECTION:
        raise QuestionError(
            "positive", "these examples cancel each other out, so nothing can be like all of them"
        )
    direction: Vector = target / length
    return direction


def _mean(side: Weighted) -> Vector:
    weights = np.array([weight for _, weight in side], dtype=np.float64)
    weights /= weights.max()  # so that no sum overflows
    mean: Vector = weights @ np.stack([vector for vector, _ in side]) / weights.sum()
    return mean


def _repeat(examples: list[Example], photos: Sequence[Photo]) -> list[dict[str, Any]]:
    return [example.model_dump() for example in examples] + [
        {"image": photo.described(), "weight": 1.0} for photo in photos
    ]
