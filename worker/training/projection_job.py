"""`lookalike train --projection-of`: train a small head on a backbone's vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.encoders import networks, projection
from app.encoders.encoder import Encoder
from app.encoders.registry import Backbone
from app.encoders.training_record import Fingerprints, record_training
from worker.console import progress_bar
from worker.training.examples import Examples
from worker.training.labels import encode_labels, require_enough
from worker.training.loop import train
from worker.training.outcome import Options, Outcome, held_out_figures
from worker.training.pixels import decoded_batches
from worker.training.products import Products, held_out

HIDDEN = 1024
BATCH = 64


@dataclass(frozen=True)
class Base:
    """The network that computes the vectors."""

    backbone: Backbone
    weights: Path
    """Its weights file."""


@dataclass(frozen=True)
class Vectors:
    """A backbone's vectors, with the labels of their items."""

    skus: Sequence[str]
    products: Fingerprints
    vectors: NDArray[np.floating]
    """Of any length, shape `(N, D)`."""
    labels: Mapping[str, list[str | None]]
    weights: Mapping[str, float]
    """The weight of each label, from the profile."""
    sources: Sequence[str]
    """Where each item came from."""
    unreadable: int = 0
    """How many photos have no vector because they can't be decoded."""


def vectors_of(products: Products, base: Base, *, hidden: bool = False) -> Vectors:
    """Compute a network's vectors of photos, as `lookalike embed` would write them."""
    require_enough(len(set(products.skus)))
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
        kept.fingerprints(),
        np.concatenate(parts),
        kept.labels,
        kept.weights,
        kept.sources,
        unreadable=int((~readable).sum()),
    )


def train_projection(vectors: Vectors, base: Base, dimensions: int, options: Options) -> Outcome:
    """Train a head on vectors.

    Args:
        vectors: the vectors and their labels.
        base: the network that computed them; the result includes its weights.
        dimensions: length of the head's vectors.
        options: labels, recipe, folder.

    Raises:
        LookalikeError: there are too few items, labels can't be learned, or the folder holds
            another run.
    """
    require_enough(len(set(vectors.skus)))
    labels = encode_labels(vectors.labels, options.label_weights)
    outside = held_out(vectors.skus, options.recipe.held_out)
    keras.config.set_dtype_policy("float32")
    head = projection.build(vectors.vectors.shape[1], shape := projection.Shape(HIDDEN, dimensions))
    examples = Examples(
        np.asarray(vectors.vectors, dtype=np.float32),
        labels,
        outside,
        np.unique(vectors.skus, return_inverse=True)[1].astype(np.int64),
    )
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
    learnt = vectors.products[~outside]
    record_training(options.result, learnt, options.recipe.held_out, begun_from=base.weights)
    return Outcome(
        options.result,
        progress,
        learned=int((~outside).sum()),
        unreadable=vectors.unreadable,
        figures=held_out_figures(head, examples, vectors.labels, vectors.sources),
    )
