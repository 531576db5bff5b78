"""Products that look like a photo that is not in the catalog."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database, query
from app.encoders.cache import EncoderCache, EncoderSpec
from app.encoders.encoder import Encoder
from app.errors import LookalikeError
from app.models import EmbeddingModel, active_model
from app.photos.box import Box
from app.photos.decode import FORMATS, load_photo, open_photo, require_bounded
from app.photos.decoding_lock import decoding
from app.photos.errors import NotAPhotoError, PhotoError
from app.search.answers import SimilarItems
from app.search.by_words import text_vector
from app.search.errors import NoModelError, NotAnImageError, QueryError
from app.search.nearest import nearest, search_connection
from app.search.options import SearchOptions
from app.search.query import SearchQuery

NO_DIRECTION = 1e-3
"""Length up to which a sum of unit vectors in half precision is a rounding error."""

TRIES = 2
"""How often a photo is embedded if another model becomes active in between."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Photo:
    """An uploaded photo."""

    parameter: str
    """The request's field that it came in."""
    data: bytes
    """The file."""
    box: Box | None = None
    """The part of it to compare; None for all."""

    @cached_property
    def sha256(self) -> str:
        """The file's hash, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def described(self) -> dict[str, Any]:
        """Return the photo's hash, its size in pixels and the box, for the answer."""
        width, height = open_photo(io.BytesIO(self.data)).size
        described = {"sha256": self.sha256, "width": width, "height": height}
        return described | {"box": list(self.box)} if self.box else described


@dataclass(frozen=True)
class PhotoSearch:
    """What a search by photos needs."""

    database: Database
    """The open database; no connection is held while the network computes."""
    encoders: EncoderCache
    """Where the active model's encoder is kept."""


@dataclass(frozen=True)
class Wish:
    """What a product should have beside the look of a photo."""

    text: str
    weight: float
    """Relative to the photo; negative for what it should not have."""


def similar_to_photo(
    engine: PhotoSearch, photo: Photo, options: SearchOptions, wish: Wish | None = None
) -> SimilarItems:
    """Find the listed products that look most like a photo.

    Args:
        engine: the database and the encoders.
        photo: the photo; a product with the same photo may be a result.
        options: how many products, which ones, how varied.
        wish: a text whose vector, times its weight, is added to the photo's.

    Returns:
        `top_n` products whenever so many match.

    Raises:
        NotAnImageError: the file is no image.
        QueryError: it can't be decoded, is too large, or the network finds nothing in it.
        NoModelError: no model is active.
        LookalikeError: this machine lacks the model's weights.
    """

    def search(
        connection: psycopg.Connection[Any], model: str, vectors: NDArray[np.float32]
    ) -> SimilarItems:
        asked: dict[str, Any] = {"image": photo.described()}
        target: NDArray[np.floating[Any]] = vectors[0]
        if wish is not None:
            asked |= {"text": wish.text, "text_weight": wish.weight}
            # In proportion to the larger of both, so that no sum overflows.
            scale = max(1.0, abs(wish.weight))
            words = text_vector(connection, model, "text", wish.text)
            target = vectors[0].astype(np.float64) / scale + words * (wish.weight / scale)
            length = np.linalg.norm(target)
            if not length > NO_DIRECTION:
                raise QueryError("text", "it cancels the photo out, so nothing can be like both")
            target = target / length
        search_query = SearchQuery(
            model=model,
            asked=asked,
            photos=frozenset([photo.sha256]),
            examples=None if wish is None else vectors,
        )
        return nearest(connection, HalfVector(target), search_query, options)

    return with_vectors(engine, [photo], search)


def with_vectors(
    engine: PhotoSearch,
    photos: Sequence[Photo],
    search: Callable[[psycopg.Connection[Any], str, NDArray[np.float32]], Answer],
) -> Answer:
    """Embed photos, and search while the same model is active.

    Args:
        engine: the database and the encoders.
        photos: none, one or more.
        search: called with a connection, whose transaction it must not end, the active model's
            name, and the photos' unit vectors, float32 `(N, dimensions)`.

    Returns:
        What `search` returns.

    Raises:
        LookalikeError: as `similar_to_photo` does.
    """
    for _ in range(TRIES):
        made_by, vectors = None, np.empty((0, 0), np.float32)
        if photos:
            with engine.database.connection() as connection:
                made_by = hold_active_model(connection)
            encoder = engine.encoders.get(_encoder_spec(made_by))
            vectors = _embed(photos, encoder, engine.encoders.home)
        with search_connection(engine.database) as connection:
            model = hold_active_model(connection)
            if made_by is None or made_by == model:
                return search(connection, model.name, vectors)
    raise LookalikeError("other models became active while the photo was embedded: try again")


def hold_active_model(connection: psycopg.Connection[Any]) -> EmbeddingModel:
    """Return the active model, and keep it active until the transaction ends.

    Raises:
        NoModelError: there is none.
    """
    connection.execute(query(__package__, "hold_active_model"))
    model = active_model(connection)
    if model is None:
        raise NoModelError
    return model


def _encoder_spec(model: EmbeddingModel) -> EncoderSpec:
    return EncoderSpec(model.backbone, model.preprocessing, model.weights_sha256, model.precision)


def _embed(photos: Sequence[Photo], encoder: Encoder, home: Path) -> NDArray[np.float32]:
    pixels = np.stack([_decode(photo, encoder, home) for photo in photos])
    vectors = encoder.encode(pixels)
    for photo, vector in zip(photos, vectors, strict=True):
        # Zeros, which have no direction, if the network finds nothing; NaN if it is broken.
        if not np.abs(vector).sum() > 0:
            raise QueryError(photo.parameter, "the network finds nothing in this photo")
    return vectors


def _decode(photo: Photo, encoder: Encoder, home: Path) -> NDArray[np.uint8]:
    backbone = encoder.backbone
    try:
        with decoding(require_bounded(photo.data), home):
            return load_photo(photo.data, backbone.input_size, backbone.resize, photo.box)
    except NotAPhotoError as error:
        known = ", ".join(FORMATS)
        raise NotAnImageError(photo.parameter, f"{error}; known are {known}") from None
    except PhotoError as error:
        raise QueryError(photo.parameter, str(error)) from None
