"""The database goes away in the middle of the work: the worker waits for it and goes on."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import cast

import psutil
import psycopg
import pytest

from app.database import Database, embedded, open_database
from app.database.embedded.process import processes_of
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, sha256_of
from app.errors import LookalikeError
from app.models import add
from app.photos import Folder
from tests.conftest import Cli, settings_for
from tests.embedding.conftest import (
    DEADLINE,
    Start,
    Stub,
    assert_complete,
    execute,
    vectors,
    wait_until,
    writes_held,
)
from worker.embedding import perseverance
from worker.embedding.batch import Tally
from worker.embedding.drain import drain
from worker.embedding.lanes import LANES, Lanes
from worker.embedding.perseverance import persevere
from worker.embedding.queue import MAX_ATTEMPTS, reconcile


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
    with open_database(settings_for(url, own_home)) as database, database.session() as session:
        compact = get_backbone("compact")
        add(session, compact, "compact", sha256_of(default_file(compact)))
        session.commit()
    worker = start(None, "embed", LOOKALIKE_BATCH_SIZE="16", **environment)
    with suppress(psycopg.OperationalError), writes_held(url) as waiting:
        wait_until(lambda: waiting() == LANES)
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


@pytest.mark.parametrize(
    "failure",
    ["RAISE disk_full", "PERFORM pg_terminate_backend(pg_backend_pid())"],
    ids=["full", "lost"],
)
def test_what_the_database_did_is_no_photos_fault(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path, failure: str
) -> None:
    with unembedded_database.connection() as connection:
        reconcile(connection, 1, revive=True)
    execute(
        unembedded_url,
        f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {failure}; END'",
    )
    execute(
        unembedded_url,
        "CREATE TRIGGER fail AFTER INSERT ON embeddings FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    total = Tally()

    def count(tally: Tally) -> None:
        nonlocal total
        total += tally

    def work() -> None:
        encoder = cast("Encoder", Stub())
        lanes = Lanes(unembedded_database, 1, encoder, Folder(sample_catalog), 8, Event())
        drain(lanes, count, print)

    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(psycopg.OperationalError):
            work()
    execute(unembedded_url, "DROP FUNCTION fail CASCADE")
    work()
    assert (total.embedded > 0, total.failed) == (True, 0)
    assert execute(unembedded_url, "SELECT count(*) FROM embedding_jobs") == [(0,)]


def test_patience_ends(
    empty_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(perseverance, "WAITS", (0, 0))
    tries = []

    def fail(_: Database) -> None:
        tries.append(1)
        raise psycopg.OperationalError("no space left\non the disk")

    with pytest.raises(psycopg.OperationalError, match="no space left"):
        persevere(settings_for(empty_url, home), Event(), fail)
    assert len(tries) == 3
    line = "lookalike: the database failed (no space left): trying again in 0 s\n"
    assert capsys.readouterr().err == 2 * line


def test_a_server_that_was_never_there_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    settings = settings_for(f"postgresql://nobody@/nowhere?host={tmp_path}", home)
    with pytest.raises(LookalikeError, match="can't connect to the database nowhere"):
        persevere(settings, Event(), lambda _: None)


def test_a_stop_ends_the_wait(empty_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perseverance, "WAITS", (3600,))
    stop = Event()

    def fail(_: Database) -> None:
        stop.set()
        raise psycopg.OperationalError("gone")

    persevere(settings_for(empty_url, home), stop, fail)
