"""From what `LOOKALIKE_IMAGES` says to the root that it names."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import LookalikeError
from app.photos.folder import Folder
from app.photos.remote import Remote
from app.photos.root import PhotoRoot

EXTRAS = {"http": "http", "https": "http", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""Protocol → the extra of this package that brings what reads it."""

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between one try to reach a storage and the next, where nobody waits for the answer."""


def is_url(where: str) -> bool:
    """Return whether a root is named by a URL; anything else is a folder."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", where) is not None


def open_root(where: str, waits: Sequence[float] = WAITS) -> PhotoRoot:
    """Return the root of that name; whether it is there is asked by `require`.

    Args:
        where: a folder or a URL.
        waits: how long to wait before each further try where a storage can't be reached.

    Raises:
        LookalikeError: nothing here can read that kind of URL.
    """
    return open_url(where, waits) if is_url(where) else Folder(Path(where))


def open_url(url: str, waits: Sequence[float] = WAITS) -> Remote:
    """Return the root that a URL names; as `open_root`."""
    from fsspec.core import url_to_fs  # whose photos lie in a folder needs none of it

    parts = urlsplit(url)
    protocol = parts.scheme
    extra = EXTRAS.get(protocol)
    if extra == "http" and (parts.query or parts.fragment):
        raise LookalikeError("LOOKALIKE_IMAGES has a ? or #: no path of a photo can go behind it")
    try:
        files, base = url_to_fs(url)
    except ImportError as error:
        way_out = f"pip install 'lookalike[{extra}]'" if extra else str(error)
        raise LookalikeError(f"photos at {protocol}:// need more packages: {way_out}") from None
    except ValueError as error:
        raise LookalikeError(f"LOOKALIKE_IMAGES can't be used: {error}") from None
    # Without name and password, which a URL may hold and a message must not.
    shown = f"{protocol}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
    if extra == "http":
        from app.photos.web import Web

        return Web(files, base.rstrip("/"), shown, waits)
    return Remote(files, base.rstrip("/"), shown, waits)
