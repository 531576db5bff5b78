"""Several workers drain one queue: no photo twice, none left behind, no deadlock."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from app.database import Database, open_database
from tests.conftest import Start, settings_for
from tests.support.vectors import (
    assert_complete,
    drained,
    fill,
    log_writes,
    stub_worker,
    vectors,
    writes_held,
    written,
)
from tests.support.waiting import DEADLINE, execute, wait_until
from worker.embedding.queue import PhotoKey, choose_jobs, claim_jobs, finish_jobs, give_up_jobs
from worker.embedding.worker import BATCH_WORKERS

ADVISORY = (
    "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database "
    "WHERE locktype = 'advisory' AND datname = current_database()"
)
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def claim(connection: psycopg.Connection[tuple[object, ...]], count: int) -> list[PhotoKey]:
    """Claim jobs as a worker does, and keep them until the transaction ends."""
    chosen = choose_jobs(connection, 1, count)
    connection.commit()
    return [job.key for job in claim_jobs(connection, 1, chosen)]


def make_due(url: str) -> None:
    """Let the time pass for which jobs that were begun are left alone."""
    execute(url, "UPDATE embedding_jobs SET retry_after = now() WHERE attempts > 0")


@pytest.mark.slow
def test_processes_at_once(unembedded_url: str, sample_catalog: Path, start: Start) -> None:
    url, count = unembedded_url, 2
    photos = sorted(int(photo.stem) for photo in (sample_catalog / "images").iterdir())
    log_writes(url)
    with writes_held(url) as waiting:
        workers = [start(url, "embed", LOOKALIKE_BATCH_SIZE="4") for _ in range(count)]
        wait_until(lambda: waiting() == count * BATCH_WORKERS)  # each batch is another
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


@pytest.mark.parametrize("count", [2, 6])
def test_workers_at_once(
    unembedded_url: str, home: Path, sample_catalog: Path, photo_count: int, count: int
) -> None:
    url = unembedded_url
    log_writes(url)
    with ExitStack() as stack, ThreadPoolExecutor(count) as threads:
        databases = [
            stack.enter_context(open_database(settings_for(url, home))) for _ in range(count)
        ]
        workers = [stub_worker(database, sample_catalog, 4) for database in databases]
        tallies = [
            worker.result(DEADLINE) for worker in [threads.submit(drained, w) for w in workers]
        ]
    assert sum(tally.embedded for tally in tallies) == photo_count
    assert written(url) == sorted(vectors(url))
    assert len(written(url)) == photo_count
    assert execute(url, DEADLOCKS) == [(0,)]
    assert execute(url, "SELECT * FROM embedding_jobs") == []


def test_a_worker_takes_over_what_another_dies_with(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path
) -> None:
    url = unembedded_url
    fill(unembedded_database)
    other = psycopg.connect(url)
    claimed = claim(other, 30)
    waits: list[int] = []
    worker = stub_worker(unembedded_database, sample_catalog, 16)
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(drained, worker, on_wait=waits.append)
        wait_until(lambda: waits)
        assert vectors(url).keys().isdisjoint({key.item_id for key in claimed})
        assert not work.done()
        other.close()
        work.result(DEADLINE)
    assert set(waits) == {30}
    assert {key.item_id for key in claimed} <= vectors(url).keys()
    assert execute(url, "SELECT * FROM embedding_jobs") == []


def test_jobs_are_nobody_elses_between_the_choice_and_the_claim(
    unembedded_database: Database, unembedded_url: str, photo_count: int
) -> None:
    fill(unembedded_database)
    with (
        unembedded_database.connection() as one,
        unembedded_database.connection() as other,
    ):
        chosen = choose_jobs(one, 1, photo_count - 1)
        one.commit()
        assert len(choose_jobs(other, 1, photo_count)) == 1
        assert choose_jobs(other, 1, 8, suspect=True) == []
        assert give_up_jobs(other, 1) == 0
        other.commit()
        # Overdue, as where a machine stands still: each job is one worker's all the same.
        make_due(unembedded_url)
        suspect = choose_jobs(other, 1, 8, suspect=True)
        other.commit()
        assert len(suspect) == 1
        assert [job.key for job in claim_jobs(other, 1, suspect)] == suspect
        with ThreadPoolExecutor(1) as threads:
            claiming = threads.submit(claim_jobs, one, 1, chosen)
            with pytest.raises(TimeoutError):
                claiming.result(0.2)
            finish_jobs(other, 1, suspect)
            other.commit()
            assert {job.key for job in claiming.result(DEADLINE)} == set(chosen) - set(suspect)


def test_the_wait_after_an_attempt_doubles(
    unembedded_database: Database, unembedded_url: str
) -> None:
    fill(unembedded_database)
    wait = (
        "SELECT attempts, round(extract(epoch FROM retry_after - now())) FROM embedding_jobs "
        "ORDER BY attempts DESC LIMIT 1"
    )
    seen = []
    for attempt in range(5):
        with unembedded_database.connection() as connection:
            choose_jobs(connection, 1, 1, suspect=attempt > 0)
        seen += execute(unembedded_url, wait)
        make_due(unembedded_url)
    assert seen == [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)]


def test_a_claim_leaves_no_lock_and_no_setting_behind(unembedded_database: Database) -> None:
    """Whoever gets the connection next, behind a pooler a stranger, finds it as it was."""
    settings = (
        "SELECT name, setting FROM pg_settings WHERE name ~ 'timeout|work_mem|search_path' "
        "ORDER BY name"
    )
    fill(unembedded_database)
    with unembedded_database.connection() as connection:
        before = connection.execute(settings).fetchall()
        connection.commit()
        assert len(claim(connection, 8)) == 8
        inside = dict(connection.execute(settings).fetchall())
        assert inside["idle_in_transaction_session_timeout"] == "600000"
        connection.rollback()
        assert connection.execute(settings).fetchall() == before
        assert connection.execute(ADVISORY).fetchone() == (0,)


def test_a_queue_that_is_filled_anew_stops_nobody(unembedded_database: Database) -> None:
    """Another worker that starts, and compares, waits for no claimed batch."""
    fill(unembedded_database)
    with unembedded_database.connection() as working:
        assert len(claim(working, 8)) == 8
        with ThreadPoolExecutor(1) as threads:
            threads.submit(fill, unembedded_database).result(5)
        working.rollback()
