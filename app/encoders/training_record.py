"""Which products a model was trained on, recorded in its weights file.

Quality measured with products that a model has learnt is too good. Its weights file therefore holds
a fingerprint of each of them, so that `lookalike evaluate` can tell them apart in any catalog: one
that has grown, one with photos of another size, one that has nothing to do with the training.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

_DATASET = "lookalike_training_record"
_HELD_OUT = "held_out"

Fingerprints = NDArray[np.uint32]
"""Hashes of products. Of a million others, about eight look like one of 33,000 by chance."""


@dataclass(frozen=True)
class TrainingRecord:
    """The products that a model was trained on, and how others were held out."""

    products: Fingerprints
    """Distinct and ascending, shape `(N,)`."""
    held_out: float
    """Share of the catalog that was held out, by a hash of the skus."""

    def has_seen(self, products: Fingerprints) -> NDArray[np.bool_]:
        """Return which products the model was trained on, bool, of the same shape."""
        return np.isin(products, self.products)

    def catalog(self) -> str:
        """Return what identifies the set of products: 16 hexadecimal digits."""
        return hashlib.blake2b(self.products.astype("<u4").tobytes(), digest_size=8).hexdigest()


def fingerprints(skus: Sequence[str], names: Sequence[str | None]) -> Fingerprints:
    """Hash products by sku and name, shape `(N,)`, uint32; a sku alone may be another shop's too.

    Args:
        skus: the products' skus.
        names: their display names.
    """
    hashes = [
        hashlib.blake2b(f"{sku}\0{name or ''}".encode(), digest_size=4).digest()
        for sku, name in zip(skus, names, strict=True)
    ]
    return np.frombuffer(b"".join(hashes), dtype="<u4").astype(np.uint32)


def record_training(
    file: Path, products: Fingerprints, held_out: float, begun_from: Path | None = None
) -> None:
    """Record in a weights file which products its network was trained on.

    Args:
        file: the weights file; an earlier record in it is replaced.
        products: the products' fingerprints, without those that were held out.
        held_out: the share that was held out.
        begun_from: the weights that the training started from, whose products are added.
    """
    earlier = None if begun_from is None else training_record(begun_from)
    if earlier is not None:
        products = np.concatenate([products, earlier.products])
    with h5py.File(file, "r+") as content:
        if _DATASET in content:
            del content[_DATASET]
        dataset = content.create_dataset(_DATASET, data=np.unique(products))
        dataset.attrs[_HELD_OUT] = held_out


def training_record(file: Path) -> TrainingRecord | None:
    """Return the record in a weights file, or None if it holds none."""
    try:
        with h5py.File(file, "r") as content:
            if _DATASET not in content:
                return None
            dataset = content[_DATASET]
            return TrainingRecord(dataset[()].astype(np.uint32), float(dataset.attrs[_HELD_OUT]))
    except OSError:
        return None  # not an HDF5 file: loading it raises an error that says so
