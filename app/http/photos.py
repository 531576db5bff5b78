"""A product's photo as an answer, wherever it lies."""

import hashlib
import io

from flask import Response, send_file, send_from_directory
from werkzeug.exceptions import NotFound

from app.errors import LookalikeError
from app.photos import Folder, PhotoRoot
from app.photos.errors import MissingPhotoError, PhotoError

MAX_AGE = 3600
"""Seconds for which a browser need not ask again."""


def send_photo(root: PhotoRoot, path: str) -> Response:
    """Answer with the photo at a path below a root.

    Raises:
        NotFound: it isn't there.
        LookalikeError: the root can't be reached, or the photo not be read.
    """
    if isinstance(root, Folder):
        root.require()
        # Flask takes a relative folder for one beside its own source.
        return send_from_directory(root.path.absolute(), path, max_age=MAX_AGE)
    try:
        # The whole photo first, so that a failure is still a status and no torn answer.
        data = root.read(path)
    except MissingPhotoError:
        raise NotFound from None
    except PhotoError as error:
        raise LookalikeError(f"the photo can't be had: {error}") from None
    etag = hashlib.sha256(data).hexdigest()
    return send_file(
        io.BytesIO(data), download_name=path.rpartition("/")[2], etag=etag, max_age=MAX_AGE
    )
