"""Comparing two models with the same queries: do they differ by more than chance?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.database import Database
from app.errors import LookalikeError
from app.models import EmbeddingModel
from worker.evaluation.bootstrap import estimates
from worker.evaluation.metrics import Values
from worker.evaluation.report import Key, choose_queries, nested, number
from worker.evaluation.run import all_scores, only, read
from worker.evaluation.seen import label_warnings, seen_products, training_warnings


def compare(
    database: Database, models: Sequence[EmbeddingModel], sample: int | None
) -> dict[str, Any]:
    """Measure two models with the same queries and the same gallery: what both have vectors of.

    Args:
        database: the open database.
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
        own = seen_products(model, gallery, database.settings)
        seen |= False if own is None else own
        warnings += training_warnings(model, own)
        found.append(all_scores(gallery, (photos[0][kept], places[photos[1][kept]]), queries))
    report = {
        "models": [one.name, other.name],
        "gallery": len(shared),
        "queries": len(queries),
        **_differences(one.name, other.name, *found),
    }
    unseen = ~seen[queries]
    if seen.any() and unseen.any():
        parts = [only(values, unseen) for values in found]
        report["unseen"] = {
            "queries": int(unseen.sum()),
            **_differences(one.name, other.name, *parts),
        }
    return {**report, "warnings": [*warnings, *label_warnings(gallery)]}


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
