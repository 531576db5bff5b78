"""The job of `lookalike evaluate`: measure models, compare two of them, and record the figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.catalog.attributes import load_catalog
from app.database import Database
from app.encoders.registry import registered_backbone
from app.encoders.training_record import TrainingRecord, training_record
from app.encoders.weights import find, kept_file
from app.errors import LookalikeError, MissingWeightsError
from app.models import EmbeddingModel, get_model, list_models
from app.settings import Settings
from worker.evaluation.bootstrap import estimates
from worker.evaluation.metrics import Values, encode, neighbour_recall
from worker.evaluation.neighbours import Rows, exact_neighbours
from worker.evaluation.report import (
    DEPTH,
    Key,
    choose_queries,
    figures_of,
    intervals_of,
    nested,
    number,
    other_photo_scores,
    scores,
)
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


def evaluate(
    database: Database, settings: Settings, model: EmbeddingModel, sample: int | None
) -> dict[str, Any]:
    """Measure a model by its vectors in the database, and record the figures.

    Args:
        database: the open database.
        settings: where the weights are, which say what the model was trained on.
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
    found = _scores(gallery, further, queries)
    seen = seen_products(model, gallery, settings)
    figures: dict[str, Any] = {
        "trained_on": None if seen is None else int(seen.sum()),
        f"recall@{DEPTH}": _index_recall(database, model, gallery),
        **_figures(found),
    }
    if seen is not None and not seen[queries].all():
        unseen = ~seen[queries]
        figures["unseen"] = {"queries": int(unseen.sum()), **_figures(_only(found, unseen))}
    with database.connection() as connection:
        record(connection, model, size, len(queries), figures)
    return {
        "name": model.name,
        "gallery": size,
        "queries": len(queries),
        **figures,
        "warnings": [*training_warnings(model, seen), *label_warnings(gallery)],
    }


def compare(
    database: Database, settings: Settings, models: Sequence[EmbeddingModel], sample: int | None
) -> dict[str, Any]:
    """Measure two models with the same queries and the same gallery: what both have vectors of.

    Args:
        database: the open database.
        settings: where the weights are.
        models: the two models.
        sample: query with only so many products, the same in each run; None queries with all.

    Returns:
        `{"models": [A, B], "gallery", "queries", FIGURE: {…}, …, "unseen": {"queries", …},
        "warnings": […]}`, each figure as `{A: …, B: …, "difference": B − A, "interval": [low,
        high], "beyond_chance": …}`. `unseen` has the queries that neither model is known to be
        trained on.

    Raises:
        LookalikeError: the two are one, or have fewer than two products in common.
    """
    one, other = models
    if one.name == other.name:
        raise LookalikeError(f"--compare needs two models, and both are {one.name}")
    galleries, further = zip(*(read(database, model) for model in models), strict=True)
    shared = np.intersect1d(galleries[0].item_ids, galleries[1].item_ids)
    if len(shared) < 2:
        raise LookalikeError(
            f"{one.name} and {other.name} have vectors of {len(shared)} products in common: run "
            "`lookalike embed` first"
        )
    queries = choose_queries(len(shared), sample)
    seen, found, warnings = np.zeros(len(shared), dtype=bool), [], []
    for model, whole, photos in zip(models, galleries, further, strict=True):
        common = np.isin(whole.item_ids, shared)
        gallery = whole.only(common)
        kept = common[photos[1]]
        places = np.cumsum(common) - 1
        own = seen_products(model, gallery, settings)
        seen |= False if own is None else own
        warnings += training_warnings(model, own)
        found.append(_scores(gallery, (photos[0][kept], places[photos[1][kept]]), queries))
    report = {
        "models": [one.name, other.name],
        "gallery": len(shared),
        "queries": len(queries),
        **_differences(one.name, other.name, *found),
    }
    unseen = ~seen[queries]
    if seen.any() and unseen.any():
        parts = [_only(values, unseen) for values in found]
        report["unseen"] = {
            "queries": int(unseen.sum()),
            **_differences(one.name, other.name, *parts),
        }
    return {**report, "warnings": [*warnings, *label_warnings(gallery)]}


def seen_products(
    model: EmbeddingModel, gallery: Gallery, settings: Settings
) -> NDArray[np.bool_] | None:
    """Return which products of a gallery a model was trained on, shape `(N,)`; None if unknown."""
    known = _training_record(model, settings)
    return None if known is None else known.has_seen(gallery.products())


def label_warnings(gallery: Gallery) -> list[str]:
    """Return what makes a gallery's figures meaningless."""
    size = len(gallery.item_ids)
    warnings = []
    if size <= DEPTH:
        warnings.append(
            f"{size} products are too few to fill a list of {DEPTH}: the figures say little"
        )
    for name, words in gallery.labels.items():
        codes, values = encode(words)
        if len(values) == 1:
            warnings.append(
                f"every product has the {name} {values[0]!r}, so any neighbour agrees: its figures "
                "say nothing"
            )
        elif not values:
            warnings.append(f"no product has a value of {name}: it has no figures")
        elif len(values) == (codes >= 0).sum():
            warnings.append(
                f"no two products have the same {name}, so no neighbour agrees: its figures say "
                "nothing"
            )
    return warnings


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


def _scores(
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


def _only(found: Mapping[Key, Values], chosen: NDArray[np.bool_]) -> dict[Key, Values]:
    return {key: values[chosen] for key, values in found.items()}


def _figures(found: Mapping[Key, Values]) -> dict[str, Any]:
    """Return the means with their intervals."""
    known = estimates(found)
    return {**figures_of(known), "intervals": intervals_of(known)}


def _differences(
    one: str, other: str, ones: Mapping[Key, Values], others: Mapping[Key, Values]
) -> dict[str, Any]:
    """Return each figure of two models, and whether they differ by more than chance."""
    keys = [key for key in ones if key in others]
    known = [estimates({key: values[key] for key in keys}) for values in (ones, others)]
    differences = estimates({key: others[key] - ones[key] for key in keys})
    return nested(
        {
            key: {
                one: number(known[0][key].value),
                other: number(known[1][key].value),
                "difference": number(differences[key].value),
                "interval": [number(differences[key].low), number(differences[key].high)],
                "beyond_chance": differences[key].beyond_chance,
            }
            for key in keys
        }
    )


def _training_record(model: EmbeddingModel, settings: Settings) -> TrainingRecord | None:
    """Return what a model was trained on; None if its weights don't say, or aren't here."""
    backbone = registered_backbone(model.backbone, model.preprocessing)
    here = kept_file(model.weights_sha256, settings.home).exists()
    if backbone.download is not None and not here:  # `find` would download others
        return None
    try:
        return training_record(find(model.weights_sha256, backbone, settings.home))
    except MissingWeightsError:
        return None


def training_warnings(model: EmbeddingModel, seen: NDArray[np.bool_] | None) -> list[str]:
    """Return why the figures are, or may be, better than for products new to the model."""
    if seen is None:
        return [
            f"nothing says what {model.name} was trained on: where that was products of this "
            "catalog, its figures are too good"
        ]
    if not seen.any():
        return []
    return [
        f"{model.name} was trained on {seen.sum():,} of these {len(seen):,} products: its figures "
        "are too good, and those of unseen products, found among all, still better than for a "
        "catalog that is new to it"
    ]


def _index_recall(database: Database, model: EmbeddingModel, gallery: Gallery) -> float:
    """Return the share of the exact neighbours that the index finds; 1 without an index."""
    queries = choose_queries(len(gallery.item_ids), RECALL_QUERIES)
    exact = gallery.item_ids[exact_neighbours(gallery.vectors, queries, DEPTH)]
    with database.connection() as connection:
        found = indexed_neighbours(connection, model, gallery.item_ids[queries], DEPTH)
    return round(neighbour_recall(found, exact), 6) if exact.size else float(np.nan)
