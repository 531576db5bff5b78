"""The HNSW index of a model: built once its backlog is done.

A build is one transaction: the lock that lets other builds wait, the memory and the timeouts are
the transaction's own, and a build that is broken off leaves nothing behind. `CREATE INDEX
CONCURRENTLY` can't run in a transaction, so all of these would have to be settings of the session,
which a connection pooler hands on to strangers. The price: while the index is built, whoever writes
or deletes vectors of this model waits. Readers never do.
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
    """Build a model's index unless a valid one is there; one build at a time in a database.

    Without vectors there is nothing to build: they are written faster without an index.

    Args:
        database: the open database.
        model: whose vectors to index.
        settings: the index's parameters and the memory to build it in.
        on_progress: called while it is built: how many vectors of how many are in the index.
        stop: set it to give up; the next call builds the index anew.
        poll_seconds: how often to look at the progress, at `stop` and at another's build.

    Returns:
        Whether an index was built.
    """
    stop = stop or Event()
    with database.connection() as connection:
        if not _is_due(connection, model):
            return False
    with connect(database.url) as connection:  # not one of the pool's, which others need
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
    state = connection.execute(query(__package__, "index_state"), parameters).fetchone()
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
    # An invalid one, of somebody who built it concurrently by hand.
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
            row = connection.execute(query(__package__, "index_progress"), parameters).fetchone()
        if row is not None:
            on_progress(*row)

    def watch() -> None:
        while not done.wait(poll_seconds):
            # If the server goes away, the build says so itself.
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
