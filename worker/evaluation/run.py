"""The job of `lookalike evaluate`: measure models, and record their figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.catalog.attributes import load_catalog
from app.database import Database
from app.database.connection import without_timeouts
from app.errors import LookalikeError
from app.models import EmbeddingModel, get_model, list_models
from worker.evaluation.metrics import neighbour_recall
from worker.evaluation.neighbours import exact_neighbours
from worker.evaluation.report import DEPTH, choose_queries, measure
from worker.evaluation.stored import Gallery, indexed_neighbours, read_gallery, record

RECALL_QUERIES = 1_000
"""Most queries to measure the index's recall with."""


def chosen_models(database: Database, names: Sequence[str]) -> list[EmbeddingModel]:
    """Return the models with these names; all models if there are no names.

    Raises:
        LookalikeError: a model is unknown, or none is registered.
    """
    with database.connection() as connection:
        models = [get_model(connection, name) for name in names] or list_models(connection)
    if not models:
        raise LookalikeError("no model is registered yet: run `lookalike embed`")
    return models


def evaluate(database: Database, model: EmbeddingModel, sample: int | None) -> dict[str, Any]:
    """Measure a model by its vectors in the database, and record the figures.

    Args:
        database: the open database.
        model: the model.
        sample: query with only so many products, the same in each run; None queries with all.

    Returns:
        `{"name", "gallery", "queries", "recall@10", "ndcg@10", LABEL: {…}, …}`, a label
        for each attribute that the profile marks with `train`.

    Raises:
        LookalikeError: fewer than two products have a vector of the model.
    """
    with database.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        without_timeouts(connection)
        gallery = read_gallery(connection, model, tuple(load_catalog(connection).labels))
    size = len(gallery.item_ids)
    if size < 2:
        raise LookalikeError(
            f"{size} products have a vector of {model.name}: run `lookalike embed --model "
            f"{model.name}` first"
        )
    queries = choose_queries(size, sample)
    figures = {
        f"recall@{DEPTH}": _index_recall(database, model, gallery),
        **measure(gallery.vectors, gallery.labels, queries),
    }
    with database.connection() as connection:
        record(connection, model, size, len(queries), figures)
    return {"name": model.name, "gallery": size, "queries": len(queries), **figures}


def _index_recall(database: Database, model: EmbeddingModel, gallery: Gallery) -> float:
    """Return the share of the exact neighbours that the index finds; 1 without an index."""
    queries = choose_queries(len(gallery.item_ids), RECALL_QUERIES)
    exact = gallery.item_ids[exact_neighbours(gallery.vectors, queries, DEPTH)]
    with database.connection() as connection:
        without_timeouts(connection)
        found = indexed_neighbours(connection, model, gallery.item_ids[queries], DEPTH)
    return round(neighbour_recall(found, exact), 6) if exact.size else float(np.nan)
