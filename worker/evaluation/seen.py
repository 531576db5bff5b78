"""What makes figures better than they are, or meaningless: training data, and labels of no use."""

import numpy as np
from numpy.typing import NDArray

from app.encoders.registry import registered_backbone
from app.encoders.training_record import TrainingRecord, training_record
from app.encoders.weights import find, kept_file
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.settings import Settings
from worker.evaluation.metrics import encode
from worker.evaluation.report import DEPTH
from worker.evaluation.stored import Gallery


def seen_products(
    model: EmbeddingModel, gallery: Gallery, settings: Settings
) -> NDArray[np.bool_] | None:
    """Return which products of a gallery a model was trained on, shape `(N,)`; None if unknown."""
    known = _training_record(model, settings)
    return None if known is None else known.has_seen(gallery.products())


def training_warnings(model: EmbeddingModel, seen: NDArray[np.bool_] | None) -> list[str]:
    """Return why the figures are, or may be, better than for products new to the model."""
    if seen is None:
        return [
            f"nothing says what {model.name} was trained on: where that was products of this "
            "catalog, its figures are too good"
        ]
    if not seen.any():
        return []
    if seen.all():
        return [f"{model.name} was trained on all of these products: its figures are too good"]
    return [
        f"{model.name} was trained on {seen.sum():,} of these {len(seen):,} products: its figures "
        "are too good, and those of unseen products, found among all, still better than for a "
        "catalog that is new to it"
    ]


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


def _training_record(model: EmbeddingModel, settings: Settings) -> TrainingRecord | None:
    """Return what a model was trained on; None if its weights don't say, or aren't here."""
    here = kept_file(model.weights_sha256, settings.home).exists()
    try:
        backbone = registered_backbone(model.backbone, model.preprocessing)
        if backbone.download is not None and not here:  # `find` would download others
            return None
        return training_record(find(model.weights_sha256, backbone, settings.home))
    except LookalikeError:
        return None
