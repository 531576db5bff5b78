"""Which products are held out of training: the same ones on every machine, in every run."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def held_out(skus: Sequence[str], share: float) -> NDArray[np.bool_]:
    """Choose about `share` of the products by a hash of their skus.

    A product's side depends on nothing but its own sku, so it does not change when a catalog
    grows, shrinks or is read in another order.

    Args:
        skus: the skus.
        share: the share to hold out, from 0 to 1.

    Returns:
        True where a product is held out, shape `(len(skus),)`.
    """
    return np.array([_fraction(sku) < share for sku in skus], dtype=bool)


def _fraction(sku: str) -> float:
    """Map a sku to a number from 0 to 1, evenly."""
    digest = hashlib.blake2b(sku.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
