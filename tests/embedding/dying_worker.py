"""A worker, run as a process of its own, that dies whenever it decodes a certain photo.

Arguments: the database's URI, the photos' root, the batch size, the SHA-256 of that photo.
"""

import hashlib
import os
import sys
from pathlib import Path
from threading import Event
from typing import Any
from unittest import mock

from app.database import open_database
from app.photos import Folder
from app.photos.decode import load_photo
from tests.conftest import settings_for
from tests.embedding.conftest import Stub
from worker.embedding.drain import drain
from worker.embedding.lanes import Lanes
from worker.embedding.queue import reconcile

DIED = 9


def work(url: str, root: Path, batch_size: int, deadly: str) -> None:
    def decode(data: bytes, *arguments: Any) -> Any:
        if hashlib.sha256(data).hexdigest() == deadly:
            os._exit(DIED)
        return load_photo(data, *arguments)

    with (
        open_database(settings_for(url, root)) as database,
        mock.patch("worker.embedding.batch.load_photo", decode),
    ):
        with database.connection() as connection:
            reconcile(connection, 1, revive=True)
        lanes = Lanes(database, 1, Stub(), Folder(root), batch_size, Event())  # type: ignore[arg-type]
        drain(lanes, lambda _: None, lambda _: None)


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
