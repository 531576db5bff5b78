"""Workers, one process after another, that die whenever they read a certain photo.

Arguments: the database's URI, the photos' root, the batch size, the reference of that photo.
Prints the exit code of each worker, of which the last was done: 0.
"""

import os
import sys
from pathlib import Path
from typing import cast

from app.database import open_database
from app.photos.storage import PhotoStorage, open_storage
from tests.conftest import settings_for
from tests.support.vectors import drained, stub_worker

DIED = 9

RETRY_SECONDS = 0.05
"""How long a photo is left alone after its first attempt; the last wait is 16 times as long."""


class DeadlyStorage:
    """A folder with a photo that kills who reads it."""

    def __init__(self, storage: PhotoStorage, deadly: str) -> None:
        self._storage, self._deadly = storage, deadly

    def read(self, reference: str) -> bytes:
        if reference == self._deadly:
            os._exit(DIED)
        return self._storage.read(reference)

    def __getattr__(self, name: str) -> object:
        return getattr(self._storage, name)


def work(url: str, root: Path, batch_size: int, deadly: str) -> None:
    settings = settings_for(url, root)
    storage = cast("PhotoStorage", DeadlyStorage(open_storage(str(root), settings), deadly))
    with open_database(settings) as database:
        drained(stub_worker(database, storage, batch_size, retry_seconds=RETRY_SECONDS))


def main(url: str, root: str, batch_size: str, deadly: str) -> None:
    code = None
    while code != 0:
        process_id = os.fork()  # faster than to import everything each time
        if not process_id:
            work(url, Path(root), int(batch_size), deadly)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])
        sys.stdout.write(f"{code}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
