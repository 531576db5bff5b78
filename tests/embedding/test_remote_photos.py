"""Photos behind a URL: embedded as from a folder, and no job fails for a storage that is away."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import fsspec
import numpy as np
import pytest

from app.database import Database, query
from app.errors import LookalikeError
from app.photos.errors import PhotoError
from app.photos.retry import RetryPolicy
from app.photos.storage import PhotoStorage, open_storage
from tests.conftest import Cli
from tests.support.photo_server import PhotoServer, in_memory
from tests.support.vectors import assert_complete, drained, stub_worker, vectors
from tests.support.waiting import execute
from worker.embedding.worker import BATCH_WORKERS, Tally

BATCHES_UNDER_WAY = range(8, BATCH_WORKERS * 8 + 1, 8)
JOBS = "SELECT DISTINCT state, attempts, last_error FROM embedding_jobs"


@pytest.fixture
def memory_url(sample_catalog: Path) -> Iterator[str]:
    """URL of the sample catalog in memory."""
    with in_memory(sample_catalog, "catalog") as url:
        yield url


def work(
    database: Database,
    storage: PhotoStorage,
    after_batch: Callable[[], object] = lambda: None,
) -> Tally:
    """Drain the queue as a worker would, the network alone left out."""
    return drained(stub_worker(database, storage), after_batch)


class Limited:
    """A storage that refuses files above a size."""

    def __init__(self, storage: PhotoStorage, max_bytes: int) -> None:
        self._storage, self._max_bytes = storage, max_bytes

    def read(self, reference: str) -> bytes:
        data = self._storage.read(reference)
        if len(data) > self._max_bytes:
            raise PhotoError(f"the file has more than the {self._max_bytes:,} bytes allowed")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def opened(url: str, database: Database) -> PhotoStorage:
    """The storage at a URL, asked once."""
    return open_storage(url, database.settings, RetryPolicy(attempts=1))


@pytest.mark.slow
def test_the_vectors_are_those_of_a_folder(
    unembedded_url: str, catalog_url: str, cli: Cli, photo_server: PhotoServer
) -> None:
    url, expected = unembedded_url, vectors(catalog_url)
    missing, denied, *_ = sorted(expected)
    photo = photo_server.folder / "images" / f"{missing}.jpg"
    content = photo.read_bytes()
    photo.unlink()
    photo_server.statuses = {f"/images/{denied}.jpg": 403}
    done = cli(url, "embed", LOOKALIKE_IMAGES=photo_server.url)
    assert done.returncode == 0, done.stderr
    assert f"compact: {len(expected) - 2} embedded, 2 failed" in done.stdout
    assert "Unclosed" not in done.stderr  # aiohttp complains of what was left open
    reasons = execute(url, "SELECT item_id, last_error FROM embedding_jobs ORDER BY item_id")
    assert [item_id for item_id, _ in reasons] == [missing, denied]
    assert "404" in reasons[0][1]
    assert "403" in reasons[1][1]

    photo.write_bytes(content)
    photo_server.statuses = {}
    assert cli(url, "embed", LOOKALIKE_IMAGES=f"{photo_server.url}/").returncode == 0
    assert_complete(url)
    found = vectors(url)
    assert found.keys() == expected.keys()
    for item_id, vector in expected.items():
        np.testing.assert_allclose(found[item_id].embedding, vector.embedding, atol=2e-3)


@pytest.mark.slow
def test_a_server_that_is_down_stops_the_run_and_fails_no_job(
    unembedded_url: str, cli: Cli, photo_server: PhotoServer
) -> None:
    photo_server.stop()
    done = cli(unembedded_url, "embed", LOOKALIKE_IMAGES=photo_server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"lookalike: the photos at {photo_server.url} can't be reached (")
    assert done.stderr.count("\n") == 1
    assert execute(unembedded_url, JOBS) == [("pending", 0, None)]


def test_a_server_that_goes_down_in_between_costs_nothing(
    unembedded_database: Database, unembedded_url: str, photo_server: PhotoServer
) -> None:
    root = opened(photo_server.url, unembedded_database)
    with pytest.raises(LookalikeError, match="gone or can't be read any more"):
        work(unembedded_database, root, photo_server.stop)
    assert len(vectors(unembedded_url)) in BATCHES_UNDER_WAY
    assert execute(unembedded_url, JOBS) == [("pending", 0, None)]
    photo_server.start()
    photos = len(list((photo_server.folder / "images").iterdir()))
    left = photos - len(vectors(unembedded_url))
    assert work(unembedded_database, root) == Tally(left, 0)
    assert execute(unembedded_url, JOBS) == []


def test_a_server_that_refuses_everything_fails_no_job(
    unembedded_database: Database,
    unembedded_url: str,
    photo_server: PhotoServer,
) -> None:
    """As it does once the credentials have run out."""

    def run_out() -> None:
        names = [photo.name for photo in (photo_server.folder / "images").iterdir()]
        photo_server.statuses = dict.fromkeys([f"/images/{name}" for name in names], 403)

    with pytest.raises(LookalikeError, match="gone or can't be read any more"):
        work(unembedded_database, opened(photo_server.url, unembedded_database), run_out)
    assert len(vectors(unembedded_url)) in BATCHES_UNDER_WAY
    assert execute(unembedded_url, JOBS) == [("pending", 0, None)]
    # A worker that begins now has seen no photo of it: it takes some to be sure. They are retried.
    with pytest.raises(LookalikeError, match="none of the first 32 photos can be read"):
        work(unembedded_database, opened(photo_server.url, unembedded_database))
    failed = "SELECT count(*), max(retry_after) < now() + interval '1 hour' FROM embedding_jobs"
    ((count, soon),) = execute(unembedded_url, f"{failed} WHERE state = 'failed'")
    assert count < 32
    assert soon in (True, None)


def test_photos_in_memory(
    unembedded_database: Database, unembedded_url: str, memory_url: str, sample_catalog: Path
) -> None:
    photos = sorted(photo.stat().st_size for photo in (sample_catalog / "images").iterdir())
    limit = photos[-3]
    larger = sum(size > limit for size in photos)
    bounded = cast("PhotoStorage", Limited(opened(memory_url, unembedded_database), limit))
    tally = work(unembedded_database, bounded)
    assert (tally.embedded, tally.failed) == (len(photos) - larger, larger)
    reason = f"the file has more than the {limit:,} bytes allowed"
    assert execute(unembedded_url, JOBS) == [("failed", 1, reason)]
    # They were looked at, and wait for a person.
    assert work(unembedded_database, bounded) == Tally()
    with unembedded_database.connection() as connection:
        connection.execute(query("worker.embedding", "retry_jobs"), {"reason": "bytes allowed"})
    assert work(unembedded_database, opened(memory_url, unembedded_database)) == Tally(larger, 0)
    assert execute(unembedded_url, JOBS) == []


def test_a_storage_that_is_emptied_stops_the_run_and_fails_no_job(
    unembedded_database: Database, unembedded_url: str, memory_url: str
) -> None:
    files = fsspec.filesystem("memory")

    def empty() -> None:
        with suppress(
            FileNotFoundError
        ):  # a second batch worker may have been done in time as well
            files.rm("/catalog/images", recursive=True)

    with pytest.raises(LookalikeError, match="gone or can't be read any more"):
        work(unembedded_database, opened(memory_url, unembedded_database), empty)
    assert len(vectors(unembedded_url)) in BATCHES_UNDER_WAY
    assert execute(unembedded_url, JOBS) == [("pending", 0, None)]
