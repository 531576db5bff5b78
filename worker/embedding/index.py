"""The HNSW index of a model: built once its backlog is done, mended if a kill left it invalid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg import sql

from app.database import Database, EmbeddingModel, query
from app.models.registration import partition_name
from app.settings import Settings

TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('lookalike index'))"
POLL_SECONDS = 0.5

Progress = Callable[[int, int], None]


def ensure_index(
    database: Database,
    model: EmbeddingModel,
    settings: Settings,
    on_progress: Progress = lambda _done, _total: None,
    stop: Event | None = None,
) -> bool:
    """Build a model's index unless a valid one is there; one build at a time in a database.

    Without vectors there is nothing to build: they come faster without an index in their way.

    Args:
        database: the open database.
        model: whose vectors to index.
        settings: the index's parameters and the memory to build it in.
        on_progress: told now and then how many vectors of how many are in the index.
        stop: set it to give up; the next call builds the index anew.

    Returns:
        Whether an index was built.
    """
    stop = stop or Event()
    with database.connection() as connection:
        if not _is_due(connection, model):
            return False
    with psycopg.connect(database.url, autocommit=True) as connection:  # its end frees the lock
        if not _wait_for_turn(connection, stop) or not _is_due(connection, model):
            return False
        try:
            with _watching(database, connection, model, on_progress, stop):
                _build(connection, model, settings)
        except psycopg.errors.QueryCanceled:
            if not stop.is_set():
                raise
            return False
    return True


def _is_due(connection: psycopg.Connection[Any], model: EmbeddingModel) -> bool:
    parameters = {"model_id": model.model_id, "index": _index_name(model)}
    state = connection.execute(query(__package__, "index_state"), parameters).fetchone()
    assert state is not None  # noqa: S101 - the query gives one row
    valid, filled = state
    return bool(filled and not valid)


def _index_name(model: EmbeddingModel) -> str:
    return f"{partition_name(model.model_id)}_hnsw"


def _wait_for_turn(connection: psycopg.Connection[Any], stop: Event) -> bool:
    # Waiting inside a statement would hold a snapshot that the other build waits for.
    while connection.execute(TRY_LOCK).fetchone() == (False,):
        if stop.wait(POLL_SECONDS):
            return False
    return True


def _build(connection: psycopg.Connection[Any], model: EmbeddingModel, settings: Settings) -> None:
    partition = sql.Identifier(partition_name(model.model_id))
    index = sql.Identifier(_index_name(model))
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(index))
    # The planner and the progress bar need to know how many there are.
    connection.execute(sql.SQL("ANALYZE {}").format(partition))
    if settings.index_memory:
        connection.execute(
            "SELECT set_config('maintenance_work_mem', %s, false)", [settings.index_memory]
        )
    connection.execute(
        query(__package__, "create_index").format(
            index=index,
            partition=partition,
            dimensions=sql.Literal(model.dimensions),
            m=sql.Literal(settings.hnsw_m),
            ef_construction=sql.Literal(settings.hnsw_ef_construction),
        )
    )
    connection.execute(sql.SQL("ANALYZE {}").format(partition))


@contextmanager
def _watching(
    database: Database,
    building: psycopg.Connection[Any],
    model: EmbeddingModel,
    on_progress: Progress,
    stop: Event,
) -> Iterator[None]:
    """Report a build's progress, and cancel it on `stop`, from a thread of its own."""
    done = Event()

    def watch() -> None:
        # If the server goes away, the build says so itself.
        with (
            suppress(psycopg.Error),
            psycopg.connect(database.url, autocommit=True) as connection,
        ):
            while not done.wait(POLL_SECONDS):
                if stop.is_set():
                    building.cancel_safe()
                row = connection.execute(
                    query(__package__, "index_progress"),
                    {"partition": partition_name(model.model_id)},
                ).fetchone()
                if row is not None:
                    on_progress(*row)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
