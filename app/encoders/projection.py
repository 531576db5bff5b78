"""A small head that turns a backbone's vector into a shorter one, trained for one catalog.

Backbone and head share one weights file, so that a trained model is registered, kept and loaded
like any other. An attribute of the file says that it holds a head, and of which shape.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py

from app.encoders.registry import Backbone

_ATTRIBUTE = "lookalike_projection"


@dataclass(frozen=True)
class Shape:
    """The widths of a head's layers."""

    hidden: int
    """Length of its hidden layer."""
    dimensions: int
    """Length of the vectors that come out."""


def build(input_dimensions: int, shape: Shape) -> Any:
    """Build a head with random weights.

    It normalises its input first: vectors in the database have unit length, features straight
    from a backbone don't.

    Returns:
        A Keras model from float32 `(N, input_dimensions)` to unit vectors, float32
        `(N, shape.dimensions)`.
    """
    from keras import Input, Model, layers

    vector = Input((input_dimensions,), name="vector")
    x = layers.UnitNormalization(name="unit")(vector)
    x = layers.BatchNormalization(center=False, scale=False, momentum=0.95, name="standard")(x)
    x = layers.Dense(shape.hidden, use_bias=False, name="hidden")(x)
    x = layers.BatchNormalization(momentum=0.95, name="hidden_standard")(x)
    x = layers.ReLU(name="hidden_relu")(x)
    x = layers.Dense(shape.dimensions, use_bias=False, name="projected")(x)
    return Model(vector, layers.UnitNormalization(name="embedding")(x), name="head")


def mark(file: Path, shape: Shape) -> None:
    """Record in a weights file that it holds a backbone and a head of that shape."""
    with h5py.File(file, "r+") as content:
        content.attrs[_ATTRIBUTE] = (shape.hidden, shape.dimensions)


def shape_in(file: Path) -> Shape | None:
    """Return the shape of the head in a weights file, or None if it holds none."""
    try:
        with h5py.File(file, "r") as content:
            if _ATTRIBUTE not in content.attrs:
                return None
            hidden, dimensions = content.attrs[_ATTRIBUTE]
    except OSError:
        return None  # not an HDF5 file: loading it raises an error that says so
    return Shape(int(hidden), int(dimensions))


def projected(backbone: Backbone, shape: Shape | None) -> Backbone:
    """Return a backbone's entry with a head added to it."""
    if shape is None:
        return backbone
    return replace(
        backbone,
        dimensions=shape.dimensions,
        pooling=f"{backbone.pooling}, then a trained projection",
    )
