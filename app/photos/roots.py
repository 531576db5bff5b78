"""The storage of the catalog's photos: what `photos.reference` is read from."""

from typing import Any

import psycopg

from app.database import query
from app.errors import LookalikeError
from app.photos.retry import RetryPolicy
from app.photos.storage import PhotoStorage, open_storage
from app.settings import Settings


def photo_storage(
    connection: psycopg.Connection[Any], settings: Settings, retry: RetryPolicy | None = None
) -> PhotoStorage:
    """Return the storage of the photos: below `LOOKALIKE_IMAGES`, else the ingested catalog's root.

    Args:
        connection: to the database, which holds what was ingested last.
        settings: may name another root.
        retry: when to ask again where a storage can't be reached, as `open_storage` takes it.

    Raises:
        LookalikeError: nothing was ingested yet, or no such kind of root can be read here.
    """
    row = connection.execute(query(__package__, "get_root")).fetchone()
    root, ingested = row or (None, False)
    if settings.images is None and not ingested:
        raise LookalikeError("no catalog has been ingested yet: run `lookalike ingest SOURCE`")
    return open_storage(settings.images or root, settings, retry)
