"""Looking up many photos at once."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from itertools import chain

from app.photos.errors import PhotoError
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.storage import PhotoStorage

CHUNK = 256
"""Files that one task looks up. A task for each would cost ten times what a look-up does."""

LookUp = tuple[str, str | None]
"""A photo's reference and validator."""

Found = Unchanged | PhotoFile | PhotoError


def look_up_all(storage: PhotoStorage, photos: Sequence[LookUp], pool: Executor) -> list[Found]:
    """Look photos up, many at a time.

    Args:
        storage: where the photos are.
        photos: their references and validators.
        pool: threads to look them up in; `storage.readers_for` says how many are of use.

    Returns:
        What each photo is, in the same order; a `PhotoError` where it couldn't be looked up.

    Raises:
        PhotoStorageUnavailable: the root is gone.
    """
    # A batch without addresses still waits on each photo if the root is one; chunks would hold up
    # what could be asked for at the same time, so they are no larger than the threads can share.
    fair = -(-len(photos) // storage.readers_for(reference for reference, _ in photos))
    size = max(1, min(CHUNK, fair))
    chunks = [photos[start : start + size] for start in range(0, len(photos), size)]
    return list(chain.from_iterable(pool.map(lambda chunk: _look_up(storage, chunk), chunks)))


def _look_up(storage: PhotoStorage, photos: Iterable[LookUp]) -> list[Found]:
    return [_look_up_one(storage, *photo) for photo in photos]


def _look_up_one(storage: PhotoStorage, reference: str, validator: str | None) -> Found:
    try:
        return storage.look_up(reference, validator)
    except PhotoError as error:
        return error
