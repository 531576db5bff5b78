"""Responding with a product's photo or its thumbnail, from any storage."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Response, request, send_file
from werkzeug.exceptions import NotFound

from app.errors import LookalikeError
from app.http.addresses import VERSION
from app.http.context import connection, context
from app.items.keys import ItemKey
from app.photos.errors import MissingPhotoError, PhotoError
from app.photos.retry import RetryPolicy
from app.photos.storage import PhotoStorage, photo_storage
from app.photos.thumbnails import Format, Width

MAX_AGE = 3600
"""Seconds for which browsers may keep a photo of an address that doesn't name its version."""

FOR_EVER = 31_536_000
"""A year in seconds, for an address whose photo never changes."""

CONTENT_SECURITY_POLICY = "default-src 'none'; sandbox"
"""A catalog's file may be an SVG with a script, which must not run as a page of this server."""

ONE_ATTEMPT = RetryPolicy(attempts=1)
"""No retries, since a person waits for the response."""


def send_photo(key: ItemKey, reference: str, sha256: str, version: str | None) -> Response:
    """Return a response with the file of a product's photo.

    Args:
        key: the product, for messages.
        reference: where the photo is.
        sha256: of the file when it was last read, in hex.
        version: the version that the address names.

    Raises:
        NotFound: the storage lacks it.
        LookalikeError: the storage can't be reached, or the photo can't be read.
    """
    storage = _storage()
    with _explained(key):
        path = storage.path_of(reference)
        if path is not None:
            response = _send_file(storage, path, key)
        else:
            # Read it all first, so that a failure still gives an error status.
            data = storage.read(reference)
            sha256 = hashlib.sha256(data).hexdigest()
            response = send_file(
                io.BytesIO(data),
                download_name=reference.partition("?")[0].rpartition("/")[2] or "photo.jpg",
                etag=sha256,
            )
    return _cacheable(response, sha256, version)


def send_thumbnail(
    key: ItemKey, reference: str, sha256: str, width: Width, version: str | None
) -> Response:
    """Return a response with a thumbnail of a product's photo, as WebP if the client takes it.

    Args:
        key: the product, for messages.
        reference: where the photo is.
        sha256: of the file when it was last read, in hex.
        width: of the thumbnail.
        version: the version that the address names.

    Raises:
        NotFound: the storage lacks the photo, or it can't be decoded.
        LookalikeError: the storage can't be reached, or the photo can't be read.
    """
    kind = Format.WEBP if _takes_webp() else Format.JPEG
    thumbnails = context().thumbnails
    made = thumbnails.find(sha256, width, kind)
    if made is None:
        with _explained(key):
            data = _storage().read(reference)
        sha256 = hashlib.sha256(data).hexdigest()  # the file may have changed since
        try:
            made = thumbnails.make(data, sha256, width, kind)
        except PhotoError as error:
            raise NotFound(f"the photo of product {key} can't be shown: {error}") from None
    response = send_file(
        io.BytesIO(made), mimetype=kind.mimetype, etag=f"{sha256}-{width:d}-{kind}"
    )
    response.vary.add("Accept")
    return _cacheable(response, sha256, version)


def _storage() -> PhotoStorage:
    with connection() as borrowed:
        return photo_storage(borrowed, context().settings, ONE_ATTEMPT)


@contextmanager
def _explained(key: ItemKey) -> Iterator[None]:
    """Raise an error of reading a photo as one about its product."""
    try:
        yield
    except MissingPhotoError:
        raise NotFound(f"the photo of product {key} is not in the storage of the photos") from None
    except PhotoError as error:
        raise LookalikeError(f"the photo of product {key} can't be read: {error}") from None


def _send_file(storage: PhotoStorage, path: Path, key: ItemKey) -> Response:
    storage.require()
    try:
        return send_file(path)
    except FileNotFoundError:
        raise NotFound(f"the photo of product {key} is not on this machine") from None
    except OSError as error:
        raise LookalikeError(
            f"the photo of product {key} can't be read: {error.strerror}"
        ) from None


def _takes_webp() -> bool:
    """Return whether a client names WebP, as browsers do; */* alone is no promise to show it."""
    return any(
        kind.lower() == Format.WEBP.mimetype and quality > 0
        for kind, quality in request.accept_mimetypes
    )


def _cacheable(response: Response, sha256: str, version: str | None) -> Response:
    """Let browsers keep a photo: for ever if the address names its version, else for a while."""
    control = response.cache_control
    control.no_cache = None  # Flask's default
    control.public = True
    control.max_age = MAX_AGE
    if version is not None and len(version) >= VERSION and sha256.startswith(version):
        control.max_age = FOR_EVER
        control.immutable = True
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
