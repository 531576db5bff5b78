"""Reading vectors from the database for evaluation, and recording the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.json import Jsonb

from app.database import query
from app.encoders.training_record import Fingerprints, fingerprints
from app.errors import LookalikeError
from app.models import EmbeddingModel, get_model
from app.models.state import Evaluation, list_evaluations
from worker.evaluation.neighbours import Rows

CHUNK = 1_000
"""Vectors to fetch at once."""


@dataclass(frozen=True)
class Gallery:
    """A model's vectors of each product's first photo, ordered by item id."""

    item_ids: Rows
    """Shape `(N,)`, ascending."""
    vectors: NDArray[np.float16]
    """Of length 1, shape `(N, D)`."""
    labels: dict[str, list[str | None]]
    """The value of each label for every product."""
    skus: list[str]
    names: list[str | None]

    def products(self) -> Fingerprints:
        """Return what a training record knows the products by, shape `(N,)`."""
        return fingerprints(self.skus, self.names)

    def only(self, chosen: NDArray[np.bool_]) -> "Gallery":
        """Return the products where `chosen`, of shape `(N,)`, is true."""
        rows = np.flatnonzero(chosen).tolist()
        return Gallery(
            self.item_ids[rows],
            self.vectors[rows],
            {name: [words[row] for row in rows] for name, words in self.labels.items()},
            [self.skus[row] for row in rows],
            [self.names[row] for row in rows],
        )


def read_gallery(
    connection: psycopg.Connection[Any], model: EmbeddingModel, labels: Sequence[str]
) -> Gallery:
    """Read a model's vectors, in their half precision, and the products' labels.

    Args:
        connection: in a REPEATABLE READ transaction, so that counting and reading agree.
        model: the model.
        labels: names of attributes.
    """
    parameters = {"model_id": model.model_id}
    (size,) = connection.execute(query(__package__, "count_vectors"), parameters).fetchone() or (0,)
    ids = np.empty(size, dtype=np.int64)
    vectors = np.empty((size, model.dimensions), dtype=np.float16)
    words: dict[str, list[str | None]] = {name: [] for name in labels}
    skus, names = [], []
    statement = query(__package__, "fetch_vectors").format(labels=columns_of(labels))
    with connection.cursor(name="gallery", binary=True) as cursor:
        cursor.itersize = CHUNK
        cursor.execute(statement, parameters)
        for row, (item_id, vector, sku, display_name, *own) in enumerate(cursor):
            ids[row] = item_id
            vectors[row] = vector.to_numpy()
            skus.append(sku)
            names.append(display_name)
            for name, word in zip(labels, own, strict=True):
                words[name].append(word)
    return Gallery(ids, vectors, words, skus, names)


def read_further_photos(
    connection: psycopg.Connection[Any], model: EmbeddingModel, gallery: Gallery
) -> tuple[NDArray[np.float16], Rows]:
    """Read the vectors of the photos after each product's first, in the gallery's transaction.

    Returns:
        The vectors, shape `(P, D)`, and the row of each one's product in the gallery, shape `(P,)`.
        Products that have no vector of their first photo are left out.
    """
    parameters = {"model_id": model.model_id}
    with connection.cursor(binary=True) as cursor:
        found = cursor.execute(query(__package__, "fetch_further_vectors"), parameters).fetchall()
    ids = np.array([item_id for item_id, _ in found], dtype=np.int64)
    listed = np.isin(ids, gallery.item_ids)
    vectors = np.empty((len(found), model.dimensions), dtype=np.float16)
    for row, (_, vector) in enumerate(found):
        vectors[row] = vector.to_numpy()
    return vectors[listed], np.searchsorted(gallery.item_ids, ids[listed])


def fetch_references(connection: psycopg.Connection[Any], item_ids: Rows) -> list[str | None]:
    """Return where the first photos of products are, None for one that has lost it meanwhile."""
    parameters = {"item_ids": item_ids.tolist()}
    rows = connection.execute(query(__package__, "fetch_references"), parameters).fetchall()
    return [reference for (reference,) in rows]


def columns_of(labels: Sequence[str]) -> sql.Composable:
    """Return SQL for the labels' columns of `items AS i`, cast to text, each after a comma."""
    return sql.SQL("").join(sql.SQL(", i.{}::text").format(sql.Identifier(name)) for name in labels)


def indexed_neighbours(
    connection: psycopg.Connection[Any], model: EmbeddingModel, item_ids: Rows, k: int
) -> Rows:
    """Find the nearest items with a model's index, and the settings of searches.

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


def latest_evaluations(
    connection: psycopg.Connection[Any], names: Sequence[str], *, robustness: bool = False
) -> list[Evaluation]:
    """Return the last evaluation of each model that has one.

    Args:
        connection: to the database.
        names: only these models, each of which must have one; all if there are none.
        robustness: those of robustness, else those of neighbours.

    Raises:
        LookalikeError: a model is unknown, or has no evaluation, or none has.
    """
    stored = list_evaluations(connection, robustness=robustness)
    found = {evaluation.name: evaluation for evaluation in stored}
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        get_model(connection, missing)
    if missing is not None or not found:
        option = " --robustness" if robustness else ""
        raise LookalikeError(
            f"no figures of {missing or 'any model'} are stored: run `lookalike evaluate{option}` "
            "first"
        )
    return [found[name] for name in names or found]


def record(
    connection: psycopg.Connection[Any],
    model: EmbeddingModel,
    gallery: int,
    queries: int,
    figures: dict[str, Any],
) -> None:
    """Store a model's figures with the time and the sizes. The caller commits."""
    connection.execute(
        query(__package__, "insert_evaluation"),
        {
            "model_id": model.model_id,
            "gallery": gallery,
            "queries": queries,
            "figures": Jsonb(figures),
        },
    )
