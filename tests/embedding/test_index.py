"""The index: built once, by one worker; whatever breaks a build off, the next run mends it."""

import signal
from pathlib import Path
from threading import Thread

import pytest

from app.database import Database
from app.models import get_model
from tests.conftest import Cli, settings_for
from tests.support.commands import DEADLINE, Start, end, execute, wait_until
from tests.support.vectors import assert_complete, long_report
from app.models import ensure_index

INDEX = (
    "SELECT indexrelid, indisvalid FROM pg_index WHERE indexrelid = 'embeddings_1_hnsw'::regclass"
)
STALLED = (
    "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() "
    "AND phase = 'waiting for old snapshots'"
)
IN_LINE = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle'"
)


@pytest.fixture
def bare_url(catalog_url: str) -> str:
    """A database with every vector and no index."""
    execute(catalog_url, "DROP INDEX embeddings_1_hnsw")
    return catalog_url


@pytest.mark.parametrize("kill", [False, True])
def test_a_build_that_is_broken_off_is_done_anew(
    bare_url: str, start: Start, cli: Cli, kill: bool
) -> None:
    url = bare_url
    with long_report(url):
        worker = start(url, "embed")
        wait_until(lambda: execute(url, STALLED))
        if kill:
            end(worker, signal.SIGKILL)
            execute(url, f"SELECT pg_terminate_backend(pid) FROM ({STALLED})")
            wait_until(lambda: not execute(url, STALLED))
        else:
            code, output, errors = end(worker, signal.SIGINT)
            assert (code, output) == (1, "compact: nothing to embed\n")
            assert "stopped before the end" in errors
        ((broken, valid),) = execute(url, INDEX)
        assert not valid
    done = cli(url, "embed")
    assert done.returncode == 0, done.stderr
    assert "compact: index built in" in done.stdout
    assert_complete(url)
    assert execute(url, INDEX) != [(broken, True)]


def test_two_builds_take_turns(bare_url: str, start: Start) -> None:
    url = bare_url
    with long_report(url):
        workers = [start(url, "embed") for _ in range(2)]
        wait_until(lambda: execute(url, STALLED) and execute(url, IN_LINE))
    outputs = [worker.communicate(timeout=DEADLINE)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum("index built" in output for output in outputs) == 1
    assert_complete(url)


def test_a_build_gets_its_memory_and_shows_its_progress(
    catalog_database: Database, bare_url: str, home: Path
) -> None:
    url = bare_url
    ((vectors,),) = execute(url, "SELECT count(*) FROM embeddings")
    execute(url, "CREATE TABLE given (memory text)")
    execute(
        url,
        "CREATE FUNCTION note_memory() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN "
        "INSERT INTO given VALUES (current_setting(''maintenance_work_mem'')); END'",
    )
    execute(
        url,
        "CREATE EVENT TRIGGER note ON ddl_command_start WHEN TAG IN ('CREATE INDEX') "
        "EXECUTE FUNCTION note_memory()",
    )
    with catalog_database.session() as session:
        model = get_model(session, "compact")
        session.expunge(model)
    shown: list[tuple[int, int]] = []
    settings = settings_for(url, home).model_copy(update={"index_memory": "77MB"})
    arguments = (catalog_database, model, settings, lambda *step: shown.append(step))
    building = Thread(target=ensure_index, args=arguments)
    with long_report(url):
        building.start()
        wait_until(lambda: shown)
    building.join(DEADLINE)
    assert execute(url, "SELECT memory FROM given") == [("77MB",)]
    assert all(0 <= done <= total == vectors for done, total in shown)
    assert_complete(url)


def test_an_index_over_nothing_is_not_built(
    unembedded_database: Database, unembedded_url: str, home: Path
) -> None:
    with unembedded_database.session() as session:
        model = get_model(session, "compact")
    settings = settings_for(unembedded_url, home)
    assert not ensure_index(unembedded_database, model, settings)
    assert execute(unembedded_url, "SELECT to_regclass('embeddings_1_hnsw')") == [(None,)]


def test_who_may_not_build_an_index_says_who_may(bare_url: str, cli: Cli) -> None:
    done = cli(bare_url.replace("//postgres@", "//lookalike_worker@"), "embed")
    assert (done.returncode, done.stdout) == (0, "compact: nothing to embed\n")
    assert done.stderr == (
        "compact: no index yet, and searches are slower without: have the schema's owner run "
        "`lookalike embed`\n"
    )
