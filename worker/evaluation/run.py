"""The job of `lookalike evaluate`: measure models, and record the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.catalog.attributes import load_catalog
from app.database import Database
from app.errors import LookalikeError
from app.models import EmbeddingModel, get_model, list_models
from worker.evaluation.bootstrap import estimates
from worker.evaluation.metrics import Values, neighbour_recall
from worker.evaluation.neighbours import Rows, exact_neighbours
from worker.evaluation.report import (
    DEPTH,
    Key,
    choose_queries,
    figures_of,
    intervals_of,
    other_photo_scores,
    scores,
)
from worker.evaluation.seen import label_warnings, seen_products, training_warnings
from worker.evaluation.stored import (
    Gallery,
    indexed_neighbours,
    read_further_photos,
    read_gallery,
    record,
)

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
        `{"name", "gallery", "queries", "trained_on", "recall@10", "ndcg@10", LABEL: {…}, …,
        "intervals": {…}, "unseen": {…}, "warnings": […]}`. There is a label for each attribute that
        the profile marks with `train`, and one for the first two together. `trained_on` is how many
        products of the gallery the model was trained on, None if that is unknown. `unseen` has the
        figures with the other products as queries; it is missing if that is unknown, or there are
        none. `intervals` has `[low, high]` for each figure, see `bootstrap`.

    Raises:
        LookalikeError: fewer than two products have a vector of the model.
    """
    gallery, further = read(database, model)
    size = len(gallery.item_ids)
    queries = choose_queries(size, sample)
    found = all_scores(gallery, further, queries)
    seen = seen_products(model, gallery, database.settings)
    figures: dict[str, Any] = {
        "trained_on": None if seen is None else int(seen.sum()),
        f"recall@{DEPTH}": _index_recall(database, model, gallery),
        **_figures(found),
    }
    if seen is not None and not seen[queries].all():
        unseen = ~seen[queries]
        figures["unseen"] = {"queries": int(unseen.sum()), **_figures(only(found, unseen))}
    with database.connection() as connection:
        record(connection, model, size, len(queries), figures)
    return {
        "name": model.name,
        "gallery": size,
        "queries": len(queries),
        **figures,
        "warnings": [*training_warnings(model, seen), *label_warnings(gallery)],
    }


def read(
    database: Database, model: EmbeddingModel
) -> tuple[Gallery, tuple[NDArray[np.float16], Rows]]:
    """Read a model's gallery, and the further photos as `read_further_photos` does."""
    with database.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        gallery = read_gallery(connection, model, tuple(load_catalog(connection).labels))
        further = read_further_photos(connection, model, gallery)
    if len(gallery.item_ids) < 2:
        raise LookalikeError(
            f"{len(gallery.item_ids)} products have a vector of {model.name}: run `lookalike embed "
            f"--model {model.name}` first"
        )
    return gallery, further


def all_scores(
    gallery: Gallery, further: tuple[NDArray[np.float16], Rows], queries: Rows
) -> dict[Key, Values]:
    """Return all figures of the queries."""
    found = scores(gallery.vectors, gallery.labels, queries)
    vectors, products = further
    if len(products):
        found |= other_photo_scores(
            np.concatenate([gallery.vectors, vectors]),
            np.concatenate([np.arange(len(gallery.item_ids)), products]),
            queries,
        )
    return found


def only(found: Mapping[Key, Values], chosen: NDArray[np.bool_]) -> dict[Key, Values]:
    """Return the figures of some of the queries, chosen by a mask of shape `(Q,)`."""
    return {key: values[chosen] for key, values in found.items()}


def _figures(found: Mapping[Key, Values]) -> dict[str, Any]:
    """Return the means with their intervals."""
    known = estimates(found)
    return {**figures_of(known), "intervals": intervals_of(known)}


def _index_recall(database: Database, model: EmbeddingModel, gallery: Gallery) -> float:
    """Return the share of the exact neighbours that the index finds; 1 without an index."""
    queries = choose_queries(len(gallery.item_ids), RECALL_QUERIES)
    exact = gallery.item_ids[exact_neighbours(gallery.vectors, queries, DEPTH)]
    with database.connection() as connection:
        found = indexed_neighbours(connection, model, gallery.item_ids[queries], DEPTH)
    return round(neighbour_recall(found, exact), 6) if exact.size else float(np.nan)
