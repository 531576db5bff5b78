"""The HNSW index of a model: built once its backlog is done.

A build is one transaction: the lock against other builds, the memory and the timeouts end with it,
and an interrupted build leaves nothing behind. `CREATE INDEX CONCURRENTLY` can't run in a
transaction, so all of these would be settings of the session, which a connection pooler passes on
to other clients. The price: during the build, writes and deletes of this model's vectors wait.
Readers never do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg import sql

from app.database import Database, query
from app.database.connection import connect, without_timeouts
from app.database.locks import Lock, wait_for_lock
from app.models.model import EmbeddingModel, index_name, partition_name
from app.settings import Settings

Progress = Callable[[int, int], None]


def ensure_index(
    database: Database,
    model: EmbeddingModel,
    settings: Settings,
    on_progress: Progress = lambda _done, _total: None,
    stop: Event | None = None,
    poll_seconds: float = 0.5,
) -> bool:
    """Build a model's index unless it has a valid one; one build at a time in a database.

    Without vectors nothing is built: they are written faster without an index.

    Args:
        database: the open database.
        model: whose vectors to index.
        settings: the index's parameters and the memory to build it in.
        on_progress: called during the build with the number of vectors in the index and in all.
        stop: set it to give up; the next call starts the build again.
        poll_seconds: how often to check the progress, `stop` and another build.

    Returns:
        Whether an index was built.
    """
    stop = stop or Event()
    with database.connection() as connection:
        if not _is_due(connection, model):
            return False
    with connect(database.url) as connection:  # not from the pool, which others need
        if not wait_for_lock(connection, Lock.INDEX, stop, poll_seconds):
            return False
        if not _is_due(connection, model):
            return False
        try:
            with _watching(database, connection, model, on_progress, stop, poll_seconds):
                _build(connection, model, settings)
                # Before the watcher is waited for: it may wait itself, behind a pooler all of whose
                # connections have writers on them that wait for the index.
                connection.commit()
        except psycopg.errors.QueryCanceled:
            if not stop.is_set():
                raise
            connection.rollback()
            return False
    return True


def _is_due(connection: psycopg.Connection[Any], model: EmbeddingModel) -> bool:
    parameters = {
        "partition": partition_name(model.model_id),
        "index": index_name(model.model_id),
    }
    state = connection.execute(query(__package__, "fetch_index_state"), parameters).fetchone()
    if state is None or state[0]:  # the model is gone, or its index is valid
        return False
    filled = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(
        sql.Identifier(partition_name(model.model_id))
    )
    return connection.execute(filled).fetchone() == (True,)


def _build(connection: psycopg.Connection[Any], model: EmbeddingModel, settings: Settings) -> None:
    partition = sql.Identifier(partition_name(model.model_id))
    index = sql.Identifier(index_name(model.model_id))
    without_timeouts(connection)
    if settings.index_memory:
        connection.execute(
            "SELECT set_config('maintenance_work_mem', %s, true)", [settings.index_memory]
        )
    # The planner and the progress bar need to know how many vectors there are.
    connection.execute(sql.SQL("ANALYZE {}").format(partition))
    # It may be invalid, left by a concurrent build by hand.
    connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(index))
    connection.execute(
        query(__package__, "create_index").format(
            index=index,
            partition=partition,
            dimensions=sql.Literal(model.dimensions),
            m=sql.Literal(settings.hnsw_m),
            ef_construction=sql.Literal(settings.hnsw_ef_construction),
        )
    )


@contextmanager
def _watching(
    database: Database,
    building: psycopg.Connection[Any],
    model: EmbeddingModel,
    on_progress: Progress,
    stop: Event,
    poll_seconds: float,
) -> Iterator[None]:
    """Report a build's progress, and cancel it on `stop`, from a thread of its own."""
    done = Event()
    parameters = {"partition": partition_name(model.model_id)}

    def look() -> None:
        with database.connection() as connection:
            row = connection.execute(
                query(__package__, "fetch_index_progress"), parameters
            ).fetchone()
        if row is not None:
            on_progress(*row)

    def watch() -> None:
        while not done.wait(poll_seconds):
            # If the server stops, the build fails and reports it.
            with suppress(psycopg.Error):
                if stop.is_set():
                    building.cancel_safe()
                look()

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
