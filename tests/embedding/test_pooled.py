"""Workers behind PgBouncer in transaction mode: nothing of theirs stays on a connection."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import psycopg
import pytest

from app.database import Database, open_database
from app.models import ensure_index
from tests.conftest import Cli, Start, settings_for
from tests.support.pgbouncer import pooler
from tests.support.vectors import (
    assert_complete,
    drained,
    fill,
    log_writes,
    model_of,
    stub_engine,
    stub_worker,
    written,
)
from tests.support.waiting import DEADLINE, execute, wait_until
from worker.embedding.queue import choose_jobs, claim_jobs
from worker.embedding.run import EmbeddingRun

LEFT_BEHIND = (
    "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
    "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
)
SETTINGS = (
    "SELECT name, setting FROM pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout', "
    "'maintenance_work_mem', 'search_path') ORDER BY name"
)


@pytest.fixture
def pooled_url(unembedded_url: str) -> Iterator[str]:
    """The database of `unembedded_url` behind a pooler with four connections."""
    with pooler(unembedded_url) as url:
        yield url


def settings_of_all(url: str) -> set[tuple[tuple[str, str], ...]]:
    """Return how each connection of the pooler is set."""
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(url)) for _ in range(4)]
        return {tuple(each.execute(SETTINGS).fetchall()) for each in connections}


def test_three_workers_and_other_commands_share_four_connections(
    pooled_url: str,
    unembedded_url: str,
    home: Path,
    sample_catalog: Path,
    photo_count: int,
    cli: Cli,
) -> None:
    log_writes(unembedded_url, seconds=0.01)
    before = settings_of_all(pooled_url)
    with ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        databases = [
            stack.enter_context(open_database(settings_for(pooled_url, home))) for _ in range(3)
        ]
        workers = [
            threads.submit(drained, stub_worker(database, sample_catalog, 4))
            for database in databases
        ]
        for arguments in (["status"], ["models", "list"], ["jobs", "list"], ["jobs", "retry"]):
            done = cli(pooled_url, *arguments)
            assert done.returncode == 0, done.stderr
        tallies = [worker.result(DEADLINE) for worker in workers]
        assert ensure_index(databases[0], model_of(databases[0]), settings_for(pooled_url, home))
    assert sum(tally.embedded for tally in tallies) == photo_count
    assert len(written(unembedded_url)) == photo_count  # each once
    assert_complete(unembedded_url)
    assert execute(unembedded_url, LEFT_BEHIND) == [(0,)]
    assert settings_of_all(pooled_url) == before


def test_a_follower_behind_a_pooler_sees_an_ingest(
    pooled_url: str, unembedded_url: str, home: Path
) -> None:
    stop = Event()
    settings = settings_for(pooled_url, home)
    run = EmbeddingRun(settings, stub_engine(settings), stop, follow=True)
    with open_database(settings) as database, ThreadPoolExecutor(1) as threads:
        follower = threads.submit(run.work, database)
        wait_until(lambda: not lacking(unembedded_url))
        execute(
            unembedded_url,
            "DELETE FROM embeddings WHERE item_id = (SELECT min(item_id) FROM photos)",
        )
        execute(unembedded_url, "UPDATE catalogs SET ingested_at = now()")
        wait_until(lambda: not lacking(unembedded_url), seconds=5)
        stop.set()
        follower.result(DEADLINE)


def lacking(url: str) -> list[tuple[object, ...]]:
    """Return the photos without a vector."""
    return execute(
        url,
        "SELECT item_id FROM photos LEFT JOIN embeddings USING (item_id, position) "
        "WHERE model_id IS NULL",
    )


@pytest.mark.slow
def test_processes_behind_a_pooler(
    pooled_url: str, unembedded_url: str, start: Start, photo_count: int
) -> None:
    log_writes(unembedded_url)
    workers = [start(pooled_url, "embed", LOOKALIKE_BATCH_SIZE="4") for _ in range(3)]
    outputs = [worker.communicate(timeout=DEADLINE) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], outputs
    assert "the database failed" not in "".join(errors for _, errors in outputs)
    assert len(written(unembedded_url)) == photo_count
    assert_complete(unembedded_url)
    assert execute(unembedded_url, LEFT_BEHIND) == [(0,)]


def test_a_worker_killed_behind_a_pooler_gives_its_batch_back(
    pooled_url: str, unembedded_database: Database, sample_catalog: Path, photo_count: int
) -> None:
    fill(unembedded_database)
    dying = psycopg.connect(pooled_url, prepare_threshold=None)
    chosen = choose_jobs(dying, 1, 8, retry_seconds=0.05)
    dying.commit()
    assert len(claim_jobs(dying, 1, chosen)) == 8
    dying.pgconn.finish()
    assert drained(stub_worker(unembedded_database, sample_catalog)).embedded == photo_count
