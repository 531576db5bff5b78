"""Products that look like a photo that is not in the catalog."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row

from app.database import Database, query
from app.encoders.cache import EncoderCache, EncoderSpec
from app.encoders.encoder import Encoder
from app.errors import LookalikeError
from app.photos.decode import FORMATS, load_photo, open_photo
from app.photos.errors import NotAPhotoError, PhotoError
from app.search.answers import SimilarItems
from app.search.errors import NoModelError, NotAnImageError, QuestionError
from app.search.nearest import Question, nearest
from app.search.options import SearchOptions

TRIES = 2
"""How often a photo is embedded, should another model become active meanwhile."""

_DECODING = Lock()
"""A large photo takes most of a gigabyte for a moment: one at a time."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Photo:
    """An uploaded photo."""

    parameter: str
    """The field of the request that it came in."""
    data: bytes
    """The file."""

    @cached_property
    def sha256(self) -> str:
        """The file's hash, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def described(self) -> dict[str, Any]:
        """Return how an answer repeats the photo, its size in pixels as the file has it."""
        width, height = open_photo(io.BytesIO(self.data)).size
        return {"sha256": self.sha256, "width": width, "height": height}


@dataclass(frozen=True)
class Model:
    """The active model, as far as a search needs to know it."""

    model_id: int
    name: str
    backbone: str
    preprocessing: str
    weights_sha256: str
    precision: str

    def encoder(self) -> EncoderSpec:
        """Return what its encoder is known by."""
        return EncoderSpec(self.backbone, self.preprocessing, self.weights_sha256, self.precision)


def similar_to_photo(
    database: Database, encoders: EncoderCache, photo: Photo, options: SearchOptions
) -> SimilarItems:
    """Find the products on sale that look most like a photo.

    Args:
        database: the open database.
        encoders: where the active model's encoder is kept.
        photo: the photo; a product with the same one may be an answer.
        options: how many, which, how varied.

    Returns:
        `top_n` products whenever so many match.

    Raises:
        NotAnImageError: the file is no image.
        QuestionError: it can't be decoded, is too large, or the network sees nothing in it.
        NoModelError: no model is active.
        LookalikeError: this machine lacks the model's weights.
    """

    def search(
        connection: psycopg.Connection[Any], model: str, vectors: NDArray[np.float32]
    ) -> SimilarItems:
        question = Question(
            model=model,
            embedding=HalfVector(vectors[0]),
            asked={"image": photo.described()},
            photos=frozenset([photo.sha256]),
        )
        return nearest(connection, question, options)

    return with_vectors(database, encoders, [photo], search)


def with_vectors(
    database: Database,
    encoders: EncoderCache,
    photos: Sequence[Photo],
    search: Callable[[psycopg.Connection[Any], str, NDArray[np.float32]], Answer],
) -> Answer:
    """Embed photos, and search while the model that made their vectors is sure to be active.

    Args:
        database: the open database; no connection is held while the network computes.
        encoders: where the active model's encoder is kept.
        photos: none, one or more.
        search: told a connection, in the transaction that it has to stay in, the active model's
            name, and the photos' unit vectors, float32 `(N, dimensions)`.

    Returns:
        What `search` does.

    Raises:
        LookalikeError: as `similar_to_photo` does.
    """
    for _ in range(TRIES):
        made_by, vectors = None, np.empty((0, 0), np.float32)
        if photos:
            with database.connection() as connection:
                made_by = active_model(connection)
            encoder = encoders.get(made_by.encoder())
            vectors = _embed(photos, encoder)
        with database.connection() as connection:
            model = active_model(connection)
            if made_by is None or made_by == model:
                return search(connection, model.name, vectors)
    raise LookalikeError("other models became active while the photo was embedded: try again")


def active_model(connection: psycopg.Connection[Any]) -> Model:
    """Return the active model, which stays the active one until the transaction ends.

    Raises:
        NoModelError: there is none.
    """
    with connection.cursor(row_factory=class_row(Model)) as cursor:
        model = cursor.execute(query(__package__, "active_model")).fetchone()
    if model is None:
        raise NoModelError
    return model


def _embed(photos: Sequence[Photo], encoder: Encoder) -> NDArray[np.float32]:
    pixels = np.stack([_decode(photo, encoder) for photo in photos])
    vectors = encoder.encode(pixels)
    for photo, vector in zip(photos, vectors, strict=True):
        # A network that finds nothing gives zeros, which have no direction; a broken one gives NaN.
        if not np.abs(vector).sum() > 0:
            raise QuestionError(photo.parameter, "the network finds nothing in this photo")
    return vectors


def _decode(photo: Photo, encoder: Encoder) -> NDArray[np.uint8]:
    backbone = encoder.backbone
    try:
        with _DECODING:
            return load_photo(photo.data, backbone.input_size, backbone.resize)
    except NotAPhotoError as error:
        known = ", ".join(FORMATS)
        raise NotAnImageError(photo.parameter, f"{error}; known are {known}") from None
    except PhotoError as error:
        raise QuestionError(photo.parameter, str(error)) from None
