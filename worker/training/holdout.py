"""Which items are held out of training: the same ones on every machine, in every run."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def held_out(item_ids: Sequence[int], share: float) -> NDArray[np.bool_]:
    """Choose about `share` of the items by a hash of their ids.

    An item's side depends on nothing but its own id, so it does not change when a catalog grows,
    shrinks or is read in another order.

    Args:
        item_ids: the ids.
        share: the share to hold out, from 0 to 1.

    Returns:
        True where an item is held out, shape `(len(item_ids),)`.
    """
    return np.array([_fraction(item_id) < share for item_id in item_ids], dtype=bool)


def _fraction(item_id: int) -> float:
    """Map an id to a number from 0 to 1, evenly."""
    digest = hashlib.blake2b(str(item_id).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
