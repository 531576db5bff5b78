"""A photo that can't be embedded fails alone, says why, and comes back when it is mended."""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from app.database import Database
from app.errors import PhotosAwayError
from app.photo_roots import Folder
from tests.conftest import Cli
from tests.embedding.conftest import Stub, assert_complete, execute, vectors
from worker.embedding.drain import drain
from worker.embedding.lanes import LANES
from worker.embedding.queue import reconcile

JOBS = "SELECT state, attempts, last_error FROM embedding_jobs"


def cut(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:2000])


def empty(photo: Path) -> None:
    photo.write_bytes(b"")


def text(photo: Path) -> None:
    photo.write_text("no photo at all")


def enlarge(photo: Path) -> None:
    """Let the header promise 60,000 × 60,000 pixels: 10 GB once decoded."""
    data = bytearray(photo.read_bytes())
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):  # the start of frame, behind other segments
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    struct.pack_into(">HH", data, at + 5, 60_000, 60_000)
    photo.write_bytes(data)


def replace_by_folder(photo: Path) -> None:
    photo.unlink()
    photo.mkdir()


BEFORE_INGEST: dict[Callable[[Path], None], str] = {
    cut: "can't be decoded: image file is truncated",
    empty: "the file is empty",
    text: "not an image in a known format",
    enlarge: "60000 x 60000 pixels are more than the 50,000,000 allowed",
}
AFTER_INGEST: dict[Callable[[Path], None], str] = {
    Path.unlink: "the file can't be read: No such file or directory",
    text: "the file has changed since the last ingest: ingest again",
    replace_by_folder: "the file can't be read: Is a directory",
}


def test_damaged_photos(empty_url: str, cli: Cli, catalog: Path) -> None:
    url = empty_url
    photos = sorted((catalog / "images").glob("*.jpg"))
    spoilt = photos[:: len(photos) // 8][:8]
    originals = {photo: photo.read_bytes() for photo in spoilt}
    no_photo = spoilt.pop()
    replace_by_folder(no_photo)
    reasons = {}
    for photo, (damage, reason) in zip(spoilt, BEFORE_INGEST.items(), strict=False):
        damage(photo)
        reasons[int(photo.stem)] = reason
    assert cli(url, "ingest", catalog).returncode == 0
    for photo, (damage, reason) in zip(spoilt[4:], AFTER_INGEST.items(), strict=True):
        damage(photo)
        reasons[int(photo.stem)] = reason

    done = cli(url, "embed", LOOKALIKE_MODEL="compact", LOOKALIKE_BATCH_SIZE="32")
    assert done.returncode == 0, done.stderr
    assert f"compact: {len(photos) - 8} embedded, 7 failed" in done.stdout
    # Nothing of TensorFlow's between the progress bars.
    said = [line for line in re.split(r"[\r\n]+", done.stderr) if line]
    assert said[0] == "registering compact, the first model of this database"
    assert {line[:12] for line in said[1:]} <= {"embedding wi", "indexing com"}
    embedded = vectors(url)
    assert embedded.keys() == {int(photo.stem) for photo in photos if photo not in originals}

    listed = json.loads(cli(url, "jobs", "list", "--json").stdout)
    assert listed["total"] == 7
    found = {job["item_id"]: job for job in listed["jobs"]}
    assert found.keys() == reasons.keys()
    for item_id, reason in reasons.items():
        assert found[item_id]["last_error"].startswith(reason)
        assert (found[item_id]["state"], found[item_id]["attempts"]) == ("failed", 1)
    table = cli(url, "jobs", "list", "--limit", "2").stdout.splitlines()
    assert len(table) == 4
    assert table[-1] == "… and 5 more: --limit shows more of them"
    (model,) = json.loads(cli(url, "status", "--json").stdout)["models"]
    assert model["items"] == len(photos) - 1 == model["embedded"] + 7
    assert (model["pending"], model["failed"]) == (0, 7)

    done = cli(url, "jobs", "retry", "--reason", "Known Format")
    assert done.stdout == "failed jobs that are pending again: 1\n"
    pending = json.loads(cli(url, "jobs", "list", "--state", "pending", "--json").stdout)
    assert [job["item_id"] for job in pending["jobs"]] == [int(spoilt[2].stem)]

    no_photo.rmdir()
    spoilt[6].rmdir()
    for photo, content in originals.items():
        photo.write_bytes(content)
    assert "5 changed, " in cli(url, "ingest", catalog).stdout
    done = cli(url, "embed")
    assert done.returncode == 0, done.stderr
    assert "compact: 8 embedded, 0 failed" in done.stdout
    assert_complete(url)
    after = vectors(url)
    assert all(after[item].embedded_at == embedded[item].embedded_at for item in embedded)


def test_a_photo_that_stays_damaged_is_not_tried_again(
    catalog_database: Database, catalog_url: str
) -> None:
    """What was read and can't be decoded waits for a person; what couldn't be read is retried."""
    damaged, unreadable = sorted(vectors(catalog_url))[:2]
    execute(catalog_url, "DELETE FROM embeddings WHERE item_id IN (%s, %s)", damaged, unreadable)
    for item_id, until in ((damaged, "infinity"), (unreadable, "now")):
        execute(
            catalog_url,
            "INSERT INTO embedding_jobs (model_id, item_id, image_sha256, state, retry_after) "
            "SELECT 1, item_id, image_sha256, 'failed', %s FROM items WHERE item_id = %s",
            until,
            item_id,
        )
    states = "SELECT item_id, state FROM embedding_jobs ORDER BY item_id"
    for revive, state in ((False, "failed"), (True, "pending")):
        with catalog_database.connection() as connection:
            reconcile(connection, 1, revive=revive)
        assert execute(catalog_url, states) == [(damaged, "failed"), (unreadable, state)]


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
    assert done.stderr.splitlines()[-1] == (
        f"lookalike: the folder of the photos, {tmp_path}/images, isn't there or is empty: mount "
        "it, or name the folder above it in LOOKALIKE_IMAGES"
    )
    assert set(execute(unembedded_url, JOBS)) == {("pending", 0, None)}


@pytest.mark.parametrize("empty_mount_point", [False, True])
def test_a_share_that_goes_away_fails_no_job(
    unembedded_database: Database, unembedded_url: str, catalog: Path, empty_mount_point: bool
) -> None:
    """A share that was unmounted leaves its mount point: empty, and still a folder."""
    with unembedded_database.connection() as connection:
        reconcile(connection, 1, revive=True)
    batches = []

    def unmount(_: object) -> None:
        batches.append(1)
        if len(batches) == 1:
            (catalog / "images").rename(catalog / "away")  # all of it at the same moment
            if empty_mount_point:
                (catalog / "images").mkdir()

    with pytest.raises(PhotosAwayError, match=r"images, isn't there or is empty: mount it"):
        drain(unembedded_database, 1, Stub(), Folder(catalog), 8, Event(), unmount)  # type: ignore[arg-type]
    assert 1 <= len(batches) <= LANES  # what was decoded by then
    assert len(vectors(unembedded_url)) == 8 * len(batches)
    assert set(execute(unembedded_url, JOBS)) == {("pending", 0, None)}
