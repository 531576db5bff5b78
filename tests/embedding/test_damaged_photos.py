"""A photo that can't be embedded fails alone, says why, and comes back when it is mended."""

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from app.database import Database, open_database
from app.encoders.encoder import Encoder
from app.photos.errors import PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.storage import PhotoStorage, open_storage
from tests.conftest import Cli, cli_environment, settings_for
from tests.support.commands import run_apart
from tests.support.damages import (
    AFTER_INGEST,
    BEFORE_INGEST,
    NO_PHOTO,
    Damage,
    empty,
    mend,
    misname,
)
from tests.support.vectors import (
    Stub,
    assert_complete,
    drained,
    fill,
    stub_engine,
    stub_worker,
    vectors,
)
from tests.support.waiting import DEADLINE, execute, wait_until
from worker.embedding.run import EmbeddingRun
from worker.embedding.worker import BATCH_WORKERS, NetworkError, Tally

JOBS = "SELECT state, attempts, last_error FROM embedding_jobs"


def damage(photos: list[Path], damages: Iterable[Damage]) -> dict[int, Damage]:
    """Take a photo from the list for each damage, and do it; return who got what."""
    done = {}
    for way in damages:
        photo = photos.pop()
        way(photo)
        done[int(photo.stem)] = way
    return done


@pytest.mark.slow
def test_damaged_photos(empty_url: str, home: Path, cli: Cli, catalog: Path) -> None:
    """More than one photo in ten is damaged, each in a way of its own."""
    url = empty_url
    photos = sorted((catalog / "images").glob("*.jpg"))
    originals = {photo: photo.read_bytes() for photo in photos[::9]}
    left = list(originals)
    not_there = damage(left, NO_PHOTO)
    harmless = damage(left, [misname])
    before = damage(left, BEFORE_INGEST)
    assert cli(url, "ingest", catalog).returncode == 0
    after = damage(left, AFTER_INGEST)
    reasons = {item: BEFORE_INGEST[way] for item, way in before.items()}
    reasons |= {item: AFTER_INGEST[way] for item, way in after.items()}
    failed, embedded = len(reasons), len(photos) - len(reasons) - len(not_there)

    options = {"LOOKALIKE_MODEL": "compact", "LOOKALIKE_BATCH_SIZE": "32"}
    done = run_apart(["embed"], cli_environment(url, home, **options))
    assert done.returncode == 0, done.stderr
    assert f"compact: {embedded} embedded, {failed} failed" in done.stdout
    assert "compact: index built in" in done.stdout
    # Nothing of TensorFlow's between the progress bars.
    said = [line for line in re.split(r"[\r\n]+", done.stderr) if line]
    assert said[0] == "registering compact, the first model of this database"
    assert {line[:12] for line in said[1:]} <= {"embedding wi", "indexing com"}
    stored = vectors(url)
    assert stored.keys() == {int(p.stem) for p in photos} - reasons.keys() - not_there.keys()

    listed = json.loads(cli(url, "jobs", "list", "--json").stdout)
    assert listed["total"] == failed
    found = {job["item_id"]: job for job in listed["jobs"]}
    assert found.keys() == reasons.keys()
    for item_id, reason in reasons.items():
        assert found[item_id]["last_error"].startswith(reason)
        assert (found[item_id]["state"], found[item_id]["attempts"]) == ("failed", 1)
    table = cli(url, "jobs", "list", "--limit", "2").stdout.splitlines()
    assert len(table) == 4
    assert table[-1] == f"… and {failed - 2} more: --limit shows more of them"
    (model,) = json.loads(cli(url, "status", "--json").stdout)["models"]
    assert model["items"] == len(photos) - len(not_there) == model["embedded"] + failed
    assert (model["pending"], model["failed"], model["index"]) == (0, failed, "valid")

    execute(url, "UPDATE embedding_models SET active = false")
    assert cli(url, "models", "activate", "compact").stdout == "compact is active now\n"

    done = cli(url, "jobs", "retry", "--reason", "File is Empty")
    assert done.stdout == "failed jobs that are pending again: 1\n"
    pending = json.loads(cli(url, "jobs", "list", "--state", "pending", "--json").stdout)
    assert [before[job["item_id"]] for job in pending["jobs"]] == [empty]

    for photo, content in originals.items():
        mend(photo, content)
    changed = not_there.keys() | harmless.keys() | before.keys()
    assert f"{len(changed)} changed, " in cli(url, "ingest", catalog).stdout
    done = cli(url, "embed")
    assert done.returncode == 0, done.stderr
    assert f"compact: {len(changed | after.keys())} embedded, 0 failed" in done.stdout
    assert_complete(url)
    now = vectors(url)
    undamaged = stored.keys() - harmless.keys()
    assert all(now[item].embedded_at == stored[item].embedded_at for item in undamaged)


def test_a_photo_that_stays_damaged_is_not_tried_again(
    catalog_database: Database, catalog_url: str
) -> None:
    """What was read and can't be decoded waits for a person; what couldn't be read is retried."""
    damaged, unreadable = sorted(vectors(catalog_url))[:2]
    execute(catalog_url, "DELETE FROM embeddings WHERE item_id IN (%s, %s)", damaged, unreadable)
    for item_id, until in ((damaged, "infinity"), (unreadable, "tomorrow")):
        execute(
            catalog_url,
            "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256, state, "
            "retry_after) SELECT 1, item_id, position, sha256, 'failed', %s FROM photos "
            "WHERE item_id = %s",
            until,
            item_id,
        )
    states = "SELECT item_id, state FROM embedding_jobs ORDER BY item_id"
    for early, state in ((False, "failed"), (True, "pending")):
        fill(catalog_database, early=early)
        assert execute(catalog_url, states) == [(damaged, "failed"), (unreadable, state)]


@pytest.mark.slow
def test_a_missing_root_stops_the_run_and_fails_no_job(
    unembedded_url: str, cli: Cli, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    done = cli(unembedded_url, "embed", LOOKALIKE_IMAGES=str(nowhere))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"lookalike: the folder of the photos, {nowhere}, isn't there: mount it, or name it in "
        "LOOKALIKE_IMAGES\n"
    )
    assert set(execute(unembedded_url, JOBS)) == {("pending", 0, None)}

    # One folder too deep, or too high: no photo was ever there to wait for.
    done = cli(unembedded_url, "embed", LOOKALIKE_IMAGES=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"lookalike: the folder of the photos, {tmp_path}, ")
    assert said.endswith("LOOKALIKE_IMAGES")
    assert set(execute(unembedded_url, JOBS)) == {("pending", 0, None)}


@pytest.mark.parametrize("empty_mount_point", [False, True])
def test_a_share_that_goes_away_fails_no_job(
    unembedded_database: Database, unembedded_url: str, catalog: Path, empty_mount_point: bool
) -> None:
    """A share that was unmounted leaves its mount point: empty, and still a folder."""
    batches = []

    def unmount(_: object) -> None:
        batches.append(1)
        if len(batches) == 1:
            (catalog / "images").rename(catalog / "away")  # all of it at the same moment
            if empty_mount_point:
                (catalog / "images").mkdir()

    fill(unembedded_database)
    worker = stub_worker(unembedded_database, catalog)
    with pytest.raises(PhotoStorageUnavailable, match="are gone or can't be read any more"):
        worker.drain(unmount, print)
    assert 1 <= len(batches) <= BATCH_WORKERS  # what was decoded by then
    assert len(vectors(unembedded_url)) == 8 * len(batches)
    assert set(execute(unembedded_url, JOBS)) == {("pending", 0, None)}


class Unreadable:
    """A storage none of whose photos can be read just now."""

    def __init__(self, storage: PhotoStorage) -> None:
        self._storage = storage

    def read(self, reference: str) -> bytes:
        raise UnavailablePhotoError("the file can't be read: Permission denied")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def test_a_photo_that_cannot_be_read_is_tried_again_later_each_time(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path, photo_count: int
) -> None:
    database, url = unembedded_database, unembedded_url
    storage = open_storage(str(sample_catalog), database.settings)
    unreadable = cast("PhotoStorage", Unreadable(storage))
    waits = (
        "SELECT DISTINCT state, failures, "
        "round(extract(epoch FROM retry_after - now()) / 60)::int FROM embedding_jobs"
    )
    for failures in range(1, 4):
        assert drained(stub_worker(database, unreadable, 64)) == Tally(0, photo_count)
        assert execute(url, waits) == [("failed", failures, 2 ** (failures - 1))]
    execute(url, "UPDATE embedding_jobs SET failures = 900")
    assert drained(stub_worker(database, unreadable, 64)) == Tally(0, photo_count)
    assert execute(url, waits) == [("failed", 901, 24 * 60)]

    # A follower takes them up when they are due, not before.
    fill(database, early=False)
    assert execute(url, waits) == [("failed", 901, 24 * 60)]
    execute(url, "UPDATE embedding_jobs SET retry_after = now()")
    fill(database, early=False)
    stub_worker(database, storage, 64).drain(lambda _: None, lambda _: None)
    assert len(vectors(url)) == photo_count
    assert execute(url, "SELECT * FROM embedding_jobs") == []


def test_a_follower_tries_a_photo_again_when_it_is_due(catalog_url: str, home: Path) -> None:
    ((item_id,),) = execute(catalog_url, "SELECT min(item_id) FROM photos")
    execute(catalog_url, "DELETE FROM embeddings WHERE item_id = %s", item_id)
    stop, settings = Event(), settings_for(catalog_url, home)
    run = EmbeddingRun(settings, stub_engine(settings), stop, follow=True, look_seconds=0.2)
    with open_database(settings) as database, ThreadPoolExecutor(1) as threads:
        follower = threads.submit(run.work, database)
        wait_until(lambda: item_id in vectors(catalog_url))
        execute(catalog_url, "DELETE FROM embeddings WHERE item_id = %s", item_id)
        execute(
            catalog_url,
            "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256, state, "
            "failures, retry_after) SELECT 1, item_id, position, sha256, 'failed', 1, "
            "now() + interval '2 seconds' FROM photos WHERE item_id = %s",
            item_id,
        )
        wait_until(lambda: item_id in vectors(catalog_url), seconds=10)
        stop.set()
        follower.result(DEADLINE)


def test_what_tensorflow_says_is_one_line_and_fails_no_job(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path
) -> None:
    class ResourceExhaustedError(Exception):
        """As TensorFlow's: told from others by the package that it comes from."""

        __module__ = "tensorflow.python.framework.errors_impl"

    class Full(Stub):
        def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
            raise ResourceExhaustedError("OOM when allocating\n [[{{node conv1}}]]")

    worker = stub_worker(unembedded_database, sample_catalog)
    worker.encoder = cast("Encoder", Full())
    with pytest.raises(NetworkError) as error:
        drained(worker)
    assert str(error.value) == (
        "the network of compact failed on this machine (OOM when allocating): free some memory or "
        "set LOOKALIKE_BATCH_SIZE to less, then run `lookalike embed` again to go on"
    )
    assert execute(unembedded_url, f"{JOBS} GROUP BY 1, 2, 3") == [("pending", 0, None)]
