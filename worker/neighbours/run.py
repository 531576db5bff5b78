"""The job of `lookalike neighbours`: find all products' neighbours, and store them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from app.database import Database, query
from app.database.connection import without_timeouts
from app.database.locks import Lock, lock
from app.errors import LookalikeError
from app.models import EmbeddingModel, get_model_or_active
from worker.console import progress_bar
from worker.evaluation.neighbours import unit_length
from worker.neighbours.exact import Neighbours, Photos, find_neighbours

CHUNK = 1_000
"""Vectors to fetch at once."""

SCHEMA = pa.schema(
    {
        "model": pa.string(),
        "item_id": pa.int64(),
        "sku": pa.string(),
        "rank": pa.int32(),
        "neighbour_id": pa.int64(),
        "neighbour_sku": pa.string(),
        "similarity": pa.float64(),
    }
)

Write = Callable[[Neighbours], None]


def store_neighbours(
    database: Database, name: str | None, top_n: int, file: Path | None, *, into_table: bool
) -> tuple[str, int, int]:
    """Find the nearest neighbours of every listed product with a vector, and store them.

    All of it is one transaction, which waits for other runs. The file and the table hold what they
    did before until all is written.

    Args:
        database: the open database.
        name: the model; None for the active one.
        top_n: neighbours of a product.
        file: a Parquet file to write; None for none.
        into_table: replace the model's rows of the table `neighbours`.

    Returns:
        The model's name, the number of products and of neighbours.

    Raises:
        LookalikeError: there is no such model, or it has no vectors.
        OSError: the file can't be written.
    """
    with database.connection() as connection, ExitStack() as outputs:
        without_timeouts(connection)
        lock(connection, Lock.NEIGHBOURS)
        model = get_model_or_active(connection, name)
        photos, skus = read_photos(connection, model)
        writers: list[Write] = []
        if file is not None:
            writers.append(outputs.enter_context(_parquet(file, model, skus)))
        if into_table:
            writers.append(outputs.enter_context(_table(connection, model)))
        products, found = int(photos.first.sum()), 0
        with progress_bar(products, f"neighbours by {model.name}", "products") as bar:
            for block in find_neighbours(photos, top_n):
                for write in writers:
                    write(block)
                found += len(block.ranks)
                bar.update(block.products)
    return model.name, products, found


def read_photos(
    connection: psycopg.Connection[Any], model: EmbeddingModel
) -> tuple[Photos, dict[int, str]]:
    """Read a model's vectors of listed products, and the products' skus by id.

    Raises:
        LookalikeError: there are none.
    """
    ids: list[int] = []
    available: list[bool] = []
    skus: dict[int, str] = {}
    parts = []
    with connection.cursor(name="photos", binary=True) as cursor:
        cursor.itersize = CHUNK
        cursor.execute(query(__package__, "fetch_photos"), {"model_id": model.model_id})
        while rows := cursor.fetchmany(CHUNK):
            ids += [row[0] for row in rows]
            skus |= {row[0]: row[1] for row in rows}
            available += [row[2] for row in rows]
            parts.append(np.stack([row[3].to_numpy() for row in rows]))
    if not ids:
        raise LookalikeError(f"{model.name} has no vectors yet: run `lookalike embed`")
    item_ids = np.array(ids, dtype=np.int64)
    first = np.r_[True, item_ids[1:] != item_ids[:-1]]
    return Photos(item_ids, first, np.array(available), unit_length(np.concatenate(parts))), skus


@contextmanager
def _table(connection: psycopg.Connection[Any], model: EmbeddingModel) -> Iterator[Write]:
    """Replace a model's rows of the table `neighbours`. The caller commits."""
    connection.execute(query(__package__, "delete_neighbours"), {"model_id": model.model_id})
    with connection.cursor().copy(query(__package__, "copy_neighbours")) as copy:
        copy.set_types(["int2", "int8", "int2", "int8", "float8"])

        def write(block: Neighbours) -> None:
            columns = (block.item_ids, block.ranks, block.neighbour_ids, block.similarities)
            for row in zip(*(column.tolist() for column in columns), strict=True):
                copy.write_row((model.model_id, *row))

        yield write


@contextmanager
def _parquet(file: Path, model: EmbeddingModel, skus: dict[int, str]) -> Iterator[Write]:
    """Write a Parquet file beside the one to replace, and replace it at the end."""
    unfinished = file.with_name(f"{file.name}.part")
    try:
        with pq.ParquetWriter(unfinished, SCHEMA) as writer:

            def write(block: Neighbours) -> None:
                item_ids, neighbour_ids = block.item_ids.tolist(), block.neighbour_ids.tolist()
                columns = {
                    "model": pa.array([model.name]).take(pa.array(np.zeros(len(item_ids), int))),
                    "item_id": block.item_ids,
                    "sku": [skus[item_id] for item_id in item_ids],
                    "rank": block.ranks.astype(np.int32),
                    "neighbour_id": block.neighbour_ids,
                    "neighbour_sku": [skus[item_id] for item_id in neighbour_ids],
                    "similarity": block.similarities,
                }
                writer.write_table(pa.table(columns, schema=SCHEMA))

            yield write
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
