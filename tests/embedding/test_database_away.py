"""The database goes away in the middle of the work: the worker waits for it and goes on."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import psutil
import psycopg
import pytest

from app.database import Database, embedded, open_database
from app.database.embedded.process import processes_of
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, sha256_of
from app.errors import LookalikeError
from app.models import register
from tests.conftest import Cli, Start, settings_for
from tests.support.vectors import (
    assert_complete,
    drained,
    stub_engine,
    stub_worker,
    vectors,
    writes_held,
)
from tests.support.waiting import DEADLINE, execute, wait_until
from worker.embedding.queue import MAX_ATTEMPTS, UnrefundedAttempts
from worker.embedding.reconnect import run_with_reconnect
from worker.embedding.run import EmbeddingRun
from worker.embedding.worker import BATCH_WORKERS, Tally

FAIL = (
    "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {}; RETURN NULL; END'; "
    "CREATE TRIGGER fail AFTER INSERT ON embeddings FOR EACH ROW EXECUTE FUNCTION fail()"
)
LOSE_CONNECTION = "PERFORM pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a server that this test may stop."""
    folder = tmp_path_factory.mktemp("own-home")
    yield folder
    embedded.stop(folder)


def kill_server(home: Path) -> bool:
    """Kill every process of a home's server, as the machine does when memory runs out."""
    processes = processes_of(home / "postgres")
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it ended with the one before
            process.kill()
    psutil.wait_procs(processes, timeout=DEADLINE)
    return bool(processes)


@pytest.mark.slow
@pytest.mark.parametrize("take_down", [embedded.stop, kill_server])
def test_the_embedded_server_goes_down_mid_job(
    own_home: Path,
    cli: Cli,
    sample_catalog: Path,
    photo_count: int,
    start: Start,
    take_down: Callable[[Path], bool],
) -> None:
    environment = {"LOOKALIKE_HOME": str(own_home)}
    assert cli(None, "ingest", sample_catalog, **environment).returncode == 0
    url = embedded.start(own_home)
    with (
        open_database(settings_for(url, own_home)) as database,
        database.connection() as connection,
    ):
        compact = get_backbone("compact")
        register(connection, compact, "compact", sha256_of(default_file(compact)))
    worker = start(None, "embed", LOOKALIKE_BATCH_SIZE="16", **environment)
    with suppress(psycopg.OperationalError), writes_held(url) as waiting:
        wait_until(lambda: waiting() == BATCH_WORKERS)
        assert take_down(own_home)
    # Nobody but the worker starts it again.
    output, errors = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 0, errors
    assert "lookalike: the database failed (" in errors
    assert "): trying again in 1 s" in errors
    assert f"compact: {photo_count} embedded, 0 failed" in output
    assert embedded.start(own_home) == url
    assert len(vectors(url)) == photo_count
    assert_complete(url)


@pytest.mark.parametrize("failure", ["RAISE disk_full", LOSE_CONNECTION], ids=["full", "lost"])
def test_what_the_database_did_is_no_photos_fault(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path, failure: str
) -> None:
    execute(unembedded_url, FAIL.format(failure))
    unrefunded = UnrefundedAttempts()

    def work() -> Tally:
        return drained(stub_worker(unembedded_database, sample_catalog, 8, unrefunded=unrefunded))

    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(psycopg.OperationalError):
            work()
    execute(unembedded_url, "DROP FUNCTION fail CASCADE")
    total = work()
    assert (total.embedded > 0, total.failed) == (True, 0)
    assert execute(unembedded_url, "SELECT count(*) FROM embedding_jobs") == [(0,)]


def test_the_last_line_counts_what_was_done_before_an_outage(
    unembedded_url: str,
    home: Path,
    photo_count: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One product's vector breaks its connection: until then other batches are committed."""
    url = unembedded_url
    ((last,),) = execute(url, "SELECT max(item_id) FROM photos")
    execute(url, FAIL.format(f"IF new.item_id = {last} THEN {LOSE_CONNECTION}; END IF"))
    settings = settings_for(url, home).model_copy(update={"batch_size": 8})
    run = EmbeddingRun(settings, stub_engine(settings), Event())
    before = []

    def work(database: Database) -> None:
        before.append(len(vectors(url)))
        if len(before) > 1:
            execute(url, "DROP FUNCTION fail CASCADE")
        run.work(database)

    run_with_reconnect(settings, Event(), work, waits=(0,))
    assert 0 == before[0] < before[1] < photo_count
    output, errors = capsys.readouterr()
    assert output.count("compact: ") == 2
    assert output.startswith(f"compact: {photo_count} embedded, 0 failed in ")
    assert errors.count("trying again") == 1


def test_an_index_that_an_outage_kept_from_being_built_is_built_after_it(
    unembedded_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = unembedded_url
    execute(
        url,
        "CREATE FUNCTION cut() RETURNS event_trigger LANGUAGE plpgsql AS "
        f"'BEGIN {LOSE_CONNECTION}; END'; "
        "CREATE EVENT TRIGGER cut ON ddl_command_start WHEN TAG IN ('CREATE INDEX') "
        "EXECUTE FUNCTION cut()",
    )
    settings = settings_for(url, home)
    run = EmbeddingRun(settings, stub_engine(settings), Event())
    tries = []

    def work(database: Database) -> None:
        tries.append(1)
        if len(tries) > 1:
            execute(url, "DROP FUNCTION cut CASCADE")
        run.work(database)

    run_with_reconnect(settings, Event(), work, waits=(0,))
    assert capsys.readouterr().out.count("compact: index built in") == 1
    assert_complete(url)


def test_what_was_done_is_said_where_the_database_stays_away(
    unembedded_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = unembedded_url
    ((last,),) = execute(url, "SELECT max(item_id) FROM photos")
    execute(url, FAIL.format(f"IF new.item_id = {last} THEN {LOSE_CONNECTION}; END IF"))
    settings = settings_for(url, home).model_copy(update={"batch_size": 8})
    run = EmbeddingRun(settings, stub_engine(settings), Event())
    with pytest.raises(psycopg.OperationalError):
        run_with_reconnect(settings, Event(), run.work, waits=())
    run.report()
    done = len(vectors(url))
    assert capsys.readouterr().out.startswith(f"compact: {done} embedded, 0 failed in ")


def test_waiting_ends(empty_url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tries = []

    def fail(_: Database) -> None:
        tries.append(1)
        raise psycopg.errors.DiskFull("no space left\non the disk")

    with pytest.raises(psycopg.OperationalError, match="no space left"):
        run_with_reconnect(settings_for(empty_url, home), Event(), fail, waits=(0, 0))
    assert len(tries) == 3
    line = "lookalike: the database failed (no space left): trying again in 0 s\n"
    assert capsys.readouterr().err == 2 * line


def test_after_a_while_of_use_waiting_begins_anew(empty_url: str, home: Path) -> None:
    tries = []

    def fail(_: Database) -> None:
        tries.append(1)
        if len(tries) == 9:
            raise LookalikeError("enough")
        raise psycopg.OperationalError("gone")

    with pytest.raises(LookalikeError, match="enough"):
        run_with_reconnect(
            settings_for(empty_url, home), Event(), fail, waits=(0,), steady_seconds=-1
        )


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        psycopg.errors.UndefinedFunction("function similar_items(bigint) does not exist"),
        psycopg.errors.InsufficientPrivilege("permission denied for table embedding_jobs"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_no_waiting_mends_is_not_waited_for(
    empty_url: str, home: Path, capsys: pytest.CaptureFixture[str], error: psycopg.Error
) -> None:
    def fail(_: Database) -> None:
        raise error

    with pytest.raises(type(error)):
        run_with_reconnect(settings_for(empty_url, home), Event(), fail, waits=(3600,))
    assert capsys.readouterr().err == ""


def test_a_server_that_was_never_there_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    settings = settings_for(f"postgresql://nobody@/nowhere?host={tmp_path}", home)
    with pytest.raises(LookalikeError, match="nowhere"):
        run_with_reconnect(settings, Event(), lambda _: None)


def test_a_stop_ends_the_wait(empty_url: str, home: Path) -> None:
    stop = Event()

    def fail(_: Database) -> None:
        stop.set()
        raise psycopg.OperationalError("gone")

    run_with_reconnect(settings_for(empty_url, home), stop, fail, waits=(3600,))
