"""Responding with a product's photo, from any storage."""

import hashlib
import io
from pathlib import Path

from flask import Response, send_file
from werkzeug.exceptions import NotFound

from app.errors import LookalikeError
from app.items.keys import ItemKey
from app.photos.errors import MissingPhotoError, PhotoError
from app.photos.storage import PhotoStorage

MAX_AGE = 3600
"""Seconds for which browsers may cache a photo."""


def send_photo(storage: PhotoStorage, reference: str, key: ItemKey) -> Response:
    """Return a response with a photo of a product.

    Raises:
        NotFound: the storage lacks it.
        LookalikeError: the storage can't be reached, or the photo can't be read.
    """
    try:
        path = storage.path_of(reference)
        if path is not None:
            return _send_file(storage, path, key)
        # Read it all first, so that a failure still gives an error status.
        data = storage.read(reference)
    except MissingPhotoError:
        raise NotFound(f"the photo of product {key} is not in the storage of the photos") from None
    except PhotoError as error:
        raise LookalikeError(f"the photo of product {key} can't be read: {error}") from None
    return send_file(
        io.BytesIO(data),
        download_name=reference.partition("?")[0].rpartition("/")[2] or "photo.jpg",
        etag=hashlib.sha256(data).hexdigest(),
        max_age=MAX_AGE,
    )


def _send_file(storage: PhotoStorage, path: Path, key: ItemKey) -> Response:
    storage.require()
    try:
        return send_file(path, max_age=MAX_AGE)
    except FileNotFoundError:
        raise NotFound(f"the photo of product {key} is not on this machine") from None
    except OSError as error:
        raise LookalikeError(
            f"the photo of product {key} can't be read: {error.strerror}"
        ) from None
