"""`lookalike train`, the short way: a small head on vectors that a backbone has made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.encoders import networks, projection
from app.encoders.encoder import Encoder
from app.encoders.registry import Backbone
from worker.console import progress_bar
from worker.training.examples import Examples
from worker.training.holdout import held_out
from worker.training.labels import encode_labels, require_enough
from worker.training.loop import train
from worker.training.outcome import Options, Outcome, held_out_figures
from worker.training.pixels import decoded_batches
from worker.training.products import Products

HIDDEN = 1024
BATCH = 64


@dataclass(frozen=True)
class Base:
    """The network that makes the vectors."""

    backbone: Backbone
    weights: Path
    """Its weights file."""


@dataclass(frozen=True)
class Vectors:
    """Vectors of a backbone, with the labels of the items that they are of."""

    skus: Sequence[str]
    vectors: NDArray[np.floating]
    """Of any length, shape `(N, D)`."""
    labels: Mapping[str, list[str | None]]
    weights: Mapping[str, float]
    """How much each label counts, as its profile says."""
    unreadable: int = 0
    """How many photos could not be decoded, and have no vector."""


def vectors_of(products: Products, base: Base, *, hidden: bool = False) -> Vectors:
    """Compute a network's vectors for photos: what `lookalike embed` would write."""
    require_enough(len(products.skus))
    encoder = Encoder(base.backbone, base.weights)
    parts, found = [], []
    with progress_bar(len(products.photos), "embedding photos", "photos", hidden=hidden) as bar:
        for photos, decoded in decoded_batches(products.photos, base.backbone, BATCH):
            parts.append(encoder.encode(photos))
            found.append(decoded)
            bar.update(len(decoded))
    readable = np.concatenate(found)
    kept = products.only(readable)
    return Vectors(
        kept.skus,
        np.concatenate(parts),
        kept.labels,
        kept.weights,
        unreadable=int((~readable).sum()),
    )


def train_projection(vectors: Vectors, base: Base, dimensions: int, options: Options) -> Outcome:
    """Train a head on vectors.

    Args:
        vectors: the vectors and their labels.
        base: what made them; its weights go into the result, so that one file holds the model.
        dimensions: length of the head's vectors.
        options: labels, recipe, folder.

    Raises:
        LookalikeError: too few items, labels that can't be learned, or a folder with another run.
    """
    require_enough(len(vectors.skus))
    labels = encode_labels(vectors.labels, options.label_weights)
    outside = held_out(vectors.skus, options.held_out)
    keras.config.set_dtype_policy("float32")
    head = projection.build(vectors.vectors.shape[1], shape := projection.Shape(HIDDEN, dimensions))
    examples = Examples(np.asarray(vectors.vectors, dtype=np.float32), labels, outside)
    progress = train(
        head,
        examples,
        options.recipe,
        options.folder,
        start={"dimensions": dimensions},
        hidden=options.hidden,
    )
    whole = networks.with_head(networks.build(base.backbone, base.weights), head)
    whole.save_weights(options.result)
    projection.mark(options.result, shape)
    return Outcome(
        options.result,
        progress,
        learned=int((~outside).sum()),
        unreadable=vectors.unreadable,
        figures=held_out_figures(head, examples, vectors.labels),
    )
