"""The HNSW index of a model: built once its backlog is done, mended if a kill left it invalid."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
from psycopg import sql

from app.database import Database, EmbeddingModel, query
from app.embedding_models.registration import partition_name
from app.settings import Settings

TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('lookalike index'))"


def ensure_index(
    database: Database,
    model: EmbeddingModel,
    settings: Settings,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> bool:
    """Build a model's index unless a valid one is there; one build at a time in a database.

    Args:
        database: the open database.
        model: whose vectors to index.
        settings: the index's parameters and the memory to build it in.
        on_progress: told now and then how many vectors of how many are in the index.

    Returns:
        Whether an index was built.
    """
    partition = partition_name(model.model_id)
    index = f"{partition}_hnsw"
    with _alone(database) as connection:
        state = connection.execute(query(__package__, "index_state"), {"index": index}).fetchone()
        if state == (True,):
            return False
        if state is not None:
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(index)))
        # The planner and the progress bar need to know how many there are.
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(partition)))
        if settings.index_memory:
            connection.execute(
                "SELECT set_config('maintenance_work_mem', %s, false)", [settings.index_memory]
            )
        statement = query(__package__, "create_index").format(
            index=sql.Identifier(index),
            partition=sql.Identifier(partition),
            dimensions=sql.Literal(model.dimensions),
            m=sql.Literal(settings.hnsw_m),
            ef_construction=sql.Literal(settings.hnsw_ef_construction),
        )
        with _watching(database, partition, on_progress):
            connection.execute(statement)
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(partition)))
    return True


@contextmanager
def _alone(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection of its own, outside transactions, while no other builds an index."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        # Waiting inside a statement would hold a snapshot that the other build waits for.
        while connection.execute(TRY_LOCK).fetchone() == (False,):
            time.sleep(0.5)
        yield connection  # closing it gives the lock back


@contextmanager
def _watching(
    database: Database, partition: str, on_progress: Callable[[int, int], None]
) -> Iterator[None]:
    """Report the build's progress, from a thread and a connection of its own."""
    done = Event()

    def watch() -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            while not done.wait(0.5):
                row = connection.execute(
                    query(__package__, "index_progress"), {"partition": partition}
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
