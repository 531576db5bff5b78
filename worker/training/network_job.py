"""`lookalike train` without --projection-of: train a whole network, end to end, on photos.

The teacher's distillation follows Hinton et al., "Distilling the Knowledge in a Neural Network"
(2015), by features instead of classes, since the teacher was trained for classes that no catalog
has.
"""

import hashlib
import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.encoders import networks
from app.encoders.precision import Precision, has_bfloat16
from app.encoders.registry import Backbone
from app.encoders.training_record import record_training
from app.encoders.weights import sha256_of
from app.errors import LookalikeError
from worker.console import progress_bar
from worker.training.augment import variants
from worker.training.examples import Examples
from worker.training.labels import encode_labels, require_enough
from worker.training.loop import train
from worker.training.outcome import Options, Outcome, held_out_figures
from worker.training.pixels import Pixels, load_pixels
from worker.training.products import Products, held_out

logger = logging.getLogger(__name__)

BATCH = 64
CLIP = 4.0
"""Standard deviations to clip a feature at: maxima have a long tail."""


def teacher_features(
    teacher: "Teacher", pixels: Pixels, rows: NDArray[np.int64], *, hidden: bool = False
) -> NDArray[np.float32]:
    """Return the maximum and the mean of a teacher's last feature map, shape `(len(rows), 2 × D)`.

    Args:
        teacher: the network.
        pixels: decoded photos, `(N, S, S, 3)`; they are resized to the teacher's size.
        rows: which of them to show it.
        hidden: draw no progress bar.
    """
    network = networks.build(teacher.backbone, teacher.weights, any_size=True)
    feature_map = network.layers[-1].input
    both = keras.layers.Concatenate()(
        [
            keras.layers.GlobalMaxPooling2D()(feature_map),
            keras.layers.GlobalAveragePooling2D()(feature_map),
        ]
    )
    model = keras.Model(network.input, both)
    edges = (teacher.size, teacher.size)
    parts = []
    with progress_bar(len(rows), "asking the teacher", "photos", hidden=hidden) as bar:
        for start in range(0, len(rows), BATCH):
            photos = pixels[rows[start : start + BATCH]]
            parts.append(model.predict_on_batch(tf.image.resize(photos, edges)))
            bar.update(len(photos))
    features: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return features


def standardised(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Scale features to mean 0 and deviation 1, and clip them."""
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    clipped: NDArray[np.float16] = np.clip(scaled, -CLIP, CLIP).astype(np.float16)
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
    size: int
    """Edge of the photos that it sees, in pixels."""


def train_network(
    products: Products,
    backbone: Backbone,
    options: Options,
    *,
    weights: Path | None = None,
    teacher: Teacher | None = None,
    precision: Precision = Precision.AUTO,
) -> Outcome:
    """Train a backbone on the photos and labels of products.

    Args:
        products: what to learn from; photos that can't be decoded are left out.
        backbone: the network to train.
        options: labels, recipe, folder.
        weights: the initial weights; None for random ones.
        teacher: a network whose features the backbone also learns to predict.
        precision: what to compute in; the weights stay float32.

    Raises:
        LookalikeError: there are too few products, labels can't be learned, the weights are of
            another network, or the folder holds another run.
    """
    recipe = options.recipe
    require_enough(len(set(products.skus)))
    decoded = replace(backbone, input_size=recipe.decoded_size or backbone.input_size)
    pixels, readable = load_pixels(products.photos, decoded, hidden=options.hidden)
    products = products.only(readable)
    labels = encode_labels(products.labels, options.label_weights)
    outside = held_out(products.skus, recipe.held_out)
    told = None
    if teacher is not None:
        learning = np.flatnonzero(~outside)
        features = standardised(_features(teacher, pixels, learning, options))
        told = np.zeros((len(pixels), features.shape[1]), dtype=np.float16)
        told[learning] = features
    narrow = settled(precision) is Precision.BFLOAT16
    keras.config.set_dtype_policy("mixed_bfloat16" if narrow else "float32")
    network = networks.build(backbone, weights, any_size=True)
    examples = Examples(pixels, labels, outside, products.numbers(), told)
    progress = train(
        network,
        examples,
        recipe,
        options.folder,
        start={
            "weights": None if weights is None else sha256_of(weights),
            "precision": "bfloat16" if narrow else "float32",
            "teacher weights": None if teacher is None else sha256_of(teacher.weights),
        },
        vary=lambda stage: partial(
            variants,
            size=stage.size or backbone.input_size,
            variation=stage.variation,
            uploads=stage.uploads,
        ),
        hidden=options.hidden,
    )
    _save(network, backbone, options.result)
    learnt = products.only(~outside).fingerprints()
    record_training(options.result, learnt, recipe.held_out, begun_from=weights)
    return Outcome(
        options.result,
        progress,
        learned=len(np.unique(examples.products[~outside])),
        unreadable=int((~readable).sum()),
        figures=held_out_figures(
            network, examples, products.labels, products.sources, size=backbone.input_size
        ),
    )


def settled(precision: Precision) -> Precision:
    """Return what to compute in: bfloat16 only where the processor multiplies in it."""
    fast = has_bfloat16() and not tf.config.list_physical_devices("GPU")
    if precision is Precision.BFLOAT16 and not fast:
        logger.warning("this machine is not fast at bfloat16: training in float32")
    return Precision.BFLOAT16 if fast and precision is not Precision.FLOAT32 else Precision.FLOAT32


def _features(
    teacher: Teacher, pixels: Pixels, rows: NDArray[np.int64], options: Options
) -> NDArray[np.float32]:
    """Return the teacher's features; they take minutes to compute, so they are cached in a file."""
    digest = hashlib.sha256(pixels.data)
    digest.update(rows.data)
    digest.update(f"{teacher.backbone.name} {teacher.size} {sha256_of(teacher.weights)}".encode())
    file = options.folder / f"teacher-{digest.hexdigest()[:16]}.npy"
    if file.exists():
        known: NDArray[np.float32] = np.load(file)
        return known
    features = teacher_features(teacher, pixels, rows, hidden=options.hidden)
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
