"""`lookalike train` without --projection-of: train a whole network, end to end, on photos.

The teacher's distillation follows Hinton et al., "Distilling the Knowledge in a Neural Network"
(2015), by features instead of classes, since the teacher was trained for classes that no catalog
has.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from app.encoders import networks
from app.encoders.registry import Backbone
from app.encoders.training_record import record_training
from app.encoders.weights import sha256_of
from app.errors import LookalikeError
from worker.console import progress_bar
from worker.training.augment import augment
from worker.training.examples import Examples
from worker.training.labels import encode_labels, require_enough
from worker.training.loop import train
from worker.training.outcome import Options, Outcome, held_out_figures
from worker.training.pixels import Pixels, StoredPhoto, decoded_batches, load_pixels
from worker.training.products import Products, held_out

BATCH = 64
CLIP = 4.0
"""Standard deviations to clip a feature at: maxima have a long tail."""


def teacher_features(
    backbone: Backbone, weights: Path, files: Sequence[StoredPhoto], *, hidden: bool = False
) -> NDArray[np.float32]:
    """Return the maximum and the mean of a backbone's last feature map, shape `(N, 2 × D)`."""
    network = networks.build(backbone, weights)
    feature_map = network.layers[-1].input
    both = keras.layers.Concatenate()(
        [
            keras.layers.GlobalMaxPooling2D()(feature_map),
            keras.layers.GlobalAveragePooling2D()(feature_map),
        ]
    )
    teacher = keras.Model(network.input, both)
    parts = []
    with progress_bar(len(files), "asking the teacher", "photos", hidden=hidden) as bar:
        for photos, _ in decoded_batches(files, backbone, BATCH):
            parts.append(teacher.predict_on_batch(photos.astype(np.float32)))
            bar.update(len(photos))
    features: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return features


def standardised(features: NDArray[np.float32], learning: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Scale features to mean 0 and deviation 1 over the training items, and clip them."""
    known = features[learning]
    scaled = (features - known.mean(axis=0)) / (known.std(axis=0) + 1e-3)
    clipped: NDArray[np.float32] = np.clip(scaled, -CLIP, CLIP)
    return clipped


def save_half_precision(network: keras.Model, file: Path) -> None:
    """Save a network's weights as float16 in an ordinary Keras `.weights.h5`, at half the size.

    Keras casts them as it loads, so that `network.load_weights(file)` reads the file.

    Args:
        network: the network.
        file: the target, replaced atomically. Its name has to end in `.weights.h5`.

    Raises:
        LookalikeError: a weight is NaN, or too large for float16.
    """
    whole = file.with_name(f"unfinished-{file.name}")
    half = file.with_name(f"half-{file.name}")
    network.save_weights(whole)
    try:
        with h5py.File(whole) as source, h5py.File(half, "w") as target:
            _copy(source, target)
        half.replace(file)
    finally:
        whole.unlink()
        half.unlink(missing_ok=True)


def _copy(source: h5py.Group, target: h5py.Group) -> None:
    target.attrs.update(source.attrs)
    for name, entry in source.items():
        if isinstance(entry, h5py.Group):
            _copy(entry, target.create_group(name))
            continue
        with np.errstate(over="ignore"):
            values = entry[()].astype(np.float16)
        if not np.isfinite(values).all():
            raise LookalikeError(f"the weights {entry.name} do not fit float16: training diverged")
        target.create_dataset(name, data=values)


@dataclass(frozen=True)
class Teacher:
    """A network to imitate."""

    backbone: Backbone
    weights: Path


def train_network(
    products: Products,
    backbone: Backbone,
    options: Options,
    *,
    weights: Path | None = None,
    teacher: Teacher | None = None,
    precision: str = "float32",
) -> Outcome:
    """Train a backbone on the photos and labels of products.

    Args:
        products: what to learn from; photos that can't be decoded are left out.
        backbone: the network to train.
        options: labels, recipe, folder.
        weights: the initial weights; None for random ones.
        teacher: a network whose features the backbone also learns to predict.
        precision: `float32`, or `bfloat16` to compute in half the width (weights stay float32).

    Raises:
        LookalikeError: there are too few products, labels can't be learned, the weights are of
            another network, or the folder holds another run.
    """
    require_enough(len(products.skus))
    pixels, readable = load_pixels(products.photos, backbone, hidden=options.hidden)
    products = products.only(readable)
    labels = encode_labels(products.labels, options.label_weights)
    outside = held_out(products.skus, options.held_out)
    told = None
    if teacher is not None:
        told = standardised(_features(teacher, products, pixels, options), ~outside)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    network = networks.build(backbone, weights)
    examples = Examples(pixels, labels, outside, told)
    variation = options.recipe.variation
    progress = train(
        network,
        examples,
        options.recipe,
        options.folder,
        start={
            "backbone": backbone.name,
            "weights": None if weights is None else sha256_of(weights),
            "precision": precision,
            "teacher": None if teacher is None else teacher.backbone.name,
            "teacher weights": None if teacher is None else sha256_of(teacher.weights),
        },
        vary=partial(augment, strength=variation) if variation else None,
        hidden=options.hidden,
    )
    _save(network, backbone, options.result)
    learnt = products.only(~outside).fingerprints()
    record_training(options.result, learnt, options.held_out, begun_from=weights)
    return Outcome(
        options.result,
        progress,
        learned=int((~outside).sum()),
        unreadable=int((~readable).sum()),
        figures=held_out_figures(network, examples, products.labels),
    )


def _features(
    teacher: Teacher, products: Products, pixels: Pixels, options: Options
) -> NDArray[np.float32]:
    """Return the teacher's features; they take minutes to compute, so they are cached in a file."""
    digest = hashlib.sha256(pixels.data)
    digest.update(f"{teacher.backbone.name} {sha256_of(teacher.weights)}".encode())
    file = options.folder / f"teacher-{digest.hexdigest()[:16]}.npy"
    if file.exists():
        known: NDArray[np.float32] = np.load(file)
        return known
    features = teacher_features(
        teacher.backbone, teacher.weights, products.photos, hidden=options.hidden
    )
    options.folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished.npy")
    np.save(unfinished, features)
    unfinished.replace(file)
    return features


def _save(network: keras.Model, backbone: Backbone, file: Path) -> None:
    """Save what `networks.build` loads: all of a bundled network, or another network's trunk."""
    if backbone.download is None:
        save_half_precision(network, file)
        return
    trunk = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    trunk.save_weights(file)
