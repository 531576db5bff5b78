"""What evaluation reads from the database, and what it writes there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.json import Jsonb

from app.database import query
from app.models import EmbeddingModel
from worker.evaluation.neighbours import Rows

CHUNK = 1_000
"""Vectors a round trip."""


@dataclass(frozen=True)
class Gallery:
    """The vectors of a model, one a product by its first photo, in the order of the item ids."""

    item_ids: Rows
    """Shape `(N,)`, ascending."""
    vectors: NDArray[np.float16]
    """Of length 1, shape `(N, D)`."""
    labels: dict[str, list[str | None]]
    """The words of every product, by label."""


def read_gallery(
    connection: psycopg.Connection[Any], model: EmbeddingModel, labels: Sequence[str]
) -> Gallery:
    """Read a model's vectors and their products' labels; in half precision, as they are stored.

    Args:
        connection: in a transaction of one snapshot (REPEATABLE READ).
        model: the model.
        labels: names of attributes.
    """
    parameters = {"model_id": model.model_id}
    (size,) = connection.execute(query(__package__, "count_vectors"), parameters).fetchone() or (0,)
    ids = np.empty(size, dtype=np.int64)
    vectors = np.empty((size, model.dimensions), dtype=np.float16)
    words: dict[str, list[str | None]] = {name: [] for name in labels}
    statement = query(__package__, "fetch_vectors").format(labels=columns_of(labels))
    # Counted and read in one snapshot, or a worker's next batch would not fit.
    with connection.cursor(name="gallery", binary=True) as cursor:
        cursor.itersize = CHUNK
        cursor.execute(statement, parameters)
        for row, (item_id, vector, *own) in enumerate(cursor):
            ids[row] = item_id
            vectors[row] = vector.to_numpy()
            for name, word in zip(labels, own, strict=True):
                words[name].append(word)
    return Gallery(ids, vectors, words)


def columns_of(labels: Sequence[str]) -> sql.Composable:
    """Return the columns of `items AS i` that hold some labels, as texts, each after a comma."""
    return sql.SQL("").join(sql.SQL(", i.{}::text").format(sql.Identifier(name)) for name in labels)


def indexed_neighbours(
    connection: psycopg.Connection[Any], model: EmbeddingModel, item_ids: Rows, k: int
) -> Rows:
    """Ask a model's index for the nearest items, with the settings that searches have.

    Returns:
        Item ids, most similar first, shape `(Q, k)`; −1 where the index found fewer.
    """
    statement = query(__package__, "fetch_indexed_neighbours").format(
        model_id=sql.Literal(model.model_id),
        dimensions=sql.Literal(model.dimensions),
    )
    found = np.full((len(item_ids), k), -1, dtype=np.int64)
    with connection.transaction():
        connection.execute(query(__package__, "set_search_settings"), {"k": k})
        for row, item_id in enumerate(item_ids.tolist()):
            answer = connection.execute(statement, {"item_id": item_id, "k": k}).fetchall()
            found[row, : len(answer)] = [neighbour for (neighbour,) in answer]
    return found


def record(
    connection: psycopg.Connection[Any],
    model: EmbeddingModel,
    gallery: int,
    queries: int,
    figures: dict[str, Any],
) -> None:
    """Keep the figures of a model, with the date and the sizes. The caller commits."""
    connection.execute(
        query(__package__, "insert_evaluation"),
        {
            "model_id": model.model_id,
            "gallery": gallery,
            "queries": queries,
            "figures": Jsonb(figures),
        },
    )
