"""`lookalike train`, the long way: a whole network, end to end, on photos."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.encoders import networks
from app.encoders.registry import Backbone
from app.encoders.weights import sha256_of
from worker.training.augment import augment
from worker.training.examples import Examples
from worker.training.holdout import held_out
from worker.training.labels import encode_labels, require_enough
from worker.training.loop import train
from worker.training.outcome import Options, Outcome, held_out_figures
from worker.training.pixels import Pixels, load_pixels
from worker.training.products import Products
from worker.training.teacher import standardised, teacher_features
from worker.training.weights import save_half_precision


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
        weights: where to start from; None starts from chance.
        teacher: a network whose features the backbone also learns to tell.
        precision: `float32`, or `bfloat16` to compute in half the width (the weights stay whole).

    Raises:
        LookalikeError: too few products, labels that can't be learned, no weights of that
            network, or a folder with another run in it.
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
    """Return the teacher's features, computed once for it and these photos: they take minutes."""
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
    """Save what `networks.build` loads: a bundled network whole, of another its trunk."""
    if backbone.download is None:
        save_half_precision(network, file)
        return
    trunk = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    trunk.save_weights(file)
