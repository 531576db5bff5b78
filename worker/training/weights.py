"""Weights files as they are shipped: at half the size."""

from pathlib import Path

import h5py
import keras
import numpy as np

from app.errors import LookalikeError


def save_half_precision(network: keras.Model, file: Path) -> None:
    """Write a network's weights as float16 into an ordinary Keras `.weights.h5`.

    Keras casts to its own type as it loads, so that `network.load_weights(file)` reads it.

    Args:
        network: the network.
        file: where to; it is replaced in one step. Its name has to end in `.weights.h5`.

    Raises:
        LookalikeError: a weight is not a number, or too large for float16.
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
