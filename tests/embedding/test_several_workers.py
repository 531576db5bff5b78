"""Several workers drain one queue: no photo twice, none left behind, no deadlock."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import psycopg
import pytest

from app.database import Database
from app.photos import Folder
from tests.embedding.conftest import (
    DEADLINE,
    Start,
    Stub,
    assert_complete,
    execute,
    log_writes,
    vectors,
    wait_until,
    writes_held,
    written,
)
from worker.embedding.drain import drain
from worker.embedding.lanes import LANES, Lanes
from worker.embedding.queue import claim, reconcile

ADVISORY = (
    "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database "
    "WHERE locktype = 'advisory' AND datname = current_database()"
)
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
STUCK = (
    "SELECT {end}(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'relation'"
)


@pytest.mark.parametrize("count", [2, 4])
def test_workers_at_once(
    unembedded_url: str, sample_catalog: Path, start: Start, count: int
) -> None:
    url = unembedded_url
    photos = sorted(int(photo.stem) for photo in (sample_catalog / "images").iterdir())
    log_writes(url)
    with writes_held(url) as waiting:
        workers = [start(url, "embed", LOOKALIKE_BATCH_SIZE="4") for _ in range(count)]
        wait_until(lambda: waiting() == count * LANES)  # each batch is another
    outputs = []
    for worker in workers:
        output, errors = worker.communicate(timeout=DEADLINE)
        assert worker.returncode == 0, errors
        outputs.append(output)
    embedded = [int(output.split()[1]) for output in outputs]
    assert min(embedded) >= 4
    assert sum(embedded) == len(photos)
    assert written(url) == photos
    assert sum("index built" in output for output in outputs) == 1
    assert execute(url, DEADLOCKS) == [(0,)]
    assert_complete(url)


def test_a_worker_takes_over_what_another_dies_with(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path
) -> None:
    url = unembedded_url
    with unembedded_database.connection() as connection:
        reconcile(connection, 1, revive=True)
    other = psycopg.connect(url)
    claimed, _ = claim(other, 1, 30)
    waits: list[int] = []
    lanes = Lanes(unembedded_database, 1, Stub(), Folder(sample_catalog), 16, Event())  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(drain, lanes, lambda _: None, waits.append)
        wait_until(lambda: waits)
        assert vectors(url).keys().isdisjoint({job.item_id for job in claimed})
        assert not worker.done()
        other.close()
        worker.result(DEADLINE)
    assert set(waits) == {30}
    assert {job.item_id for job in claimed} <= vectors(url).keys()
    assert execute(url, "SELECT * FROM embedding_jobs") == []


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_claim_that_breaks_off_keeps_no_lock(
    unembedded_database: Database, unembedded_url: str, end: str
) -> None:
    url = unembedded_url
    with (
        psycopg.connect(url) as holder,
        ThreadPoolExecutor(1) as pool,
        unembedded_database.connection() as connection,
    ):
        holder.execute("LOCK TABLE embedding_jobs")
        claiming = pool.submit(claim, connection, 1, 8)
        wait_until(lambda: execute(url, STUCK.format(end=end)))
        with pytest.raises(psycopg.OperationalError):
            claiming.result(DEADLINE)
        wait_until(lambda: execute(url, ADVISORY) == [(0,)])


def test_a_queue_that_is_filled_anew_stops_nobody(unembedded_database: Database) -> None:
    """Another worker that starts, and compares, waits for no claimed batch."""
    with unembedded_database.connection() as connection:
        reconcile(connection, 1, revive=True)
    with unembedded_database.connection() as working:
        jobs, _ = claim(working, 1, 8)
        assert len(jobs) == 8
        with unembedded_database.connection() as starting:
            starting.execute("SET LOCAL lock_timeout = '5s'")
            reconcile(starting, 1, revive=True)
        working.rollback()
