"""The share with the photos goes away in the middle of the work: the worker waits and goes on."""

from pathlib import Path
from threading import Event

import pytest

from app.database import Database
from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable
from tests.conftest import Start, settings_for
from tests.support.vectors import assert_complete, log_writes, vectors, writes_held, written
from tests.support.waiting import DEADLINE, execute, read_until, wait_until
from worker.embedding.reconnect import run_with_reconnect
from worker.embedding.worker import BATCH_WORKERS

JOBS = "SELECT DISTINCT state, attempts, last_error FROM embedding_jobs"
LOST = "the folder of the photos, /share/images, isn't there or is empty: mount it"


@pytest.mark.slow
def test_the_worker_goes_on_when_the_share_is_back(
    unembedded_url: str, catalog: Path, start: Start
) -> None:
    url = unembedded_url
    share = catalog / "images"
    photos = {int(photo.stem) for photo in share.iterdir()}
    log_writes(url)
    worker = start(url, "embed", LOOKALIKE_IMAGES=str(catalog), LOOKALIKE_BATCH_SIZE="8")
    with writes_held(url) as waiting:
        wait_until(lambda: waiting() == BATCH_WORKERS)  # its first batches are read and encoded
        share.rename(catalog / "away")
    read_until(worker, f"lookalike: the photos at {catalog} are gone or can't be read any more")
    assert execute(url, JOBS) == [("pending", 0, None)]
    assert len(vectors(url)) == BATCH_WORKERS * 8
    (catalog / "away").rename(share)
    output, errors = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 0, errors
    assert f"compact: {len(photos)} embedded, 0 failed" in output
    assert written(url) == sorted(photos)  # each once
    assert_complete(url)


def test_a_stop_ends_the_wait_for_the_share(empty_url: str, home: Path) -> None:
    stop = Event()

    def lose(_: Database) -> None:
        stop.set()
        raise PhotoStorageLost(LOST)

    run_with_reconnect(settings_for(empty_url, home), stop, lose, waits=(3600,))


def test_waiting_for_a_share_ends(
    empty_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once it was there, it is waited for whether a photo of it is missed or all of it."""
    errors = [
        PhotoStorageLost(LOST),
        PhotoStorageUnavailable("no root"),
        PhotoStorageUnavailable("no root at all"),
    ]
    left = iter(errors)

    def lose(_: Database) -> None:
        raise next(left)

    with pytest.raises(PhotoStorageUnavailable, match=r"^no root at all$"):
        run_with_reconnect(settings_for(empty_url, home), Event(), lose, waits=(0, 0))
    assert capsys.readouterr().err == (
        f"lookalike: {LOST}: trying again in 0 s\nlookalike: no root: trying again in 0 s\n"
    )


def test_a_share_that_was_never_there_is_not_waited_for(empty_url: str, home: Path) -> None:
    def lack(_: Database) -> None:
        raise PhotoStorageUnavailable("no root")

    with pytest.raises(PhotoStorageUnavailable):
        run_with_reconnect(settings_for(empty_url, home), Event(), lack)
