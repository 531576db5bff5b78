"""The labels to learn: their columns, weights and encodings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import LookalikeError
from worker.evaluation.metrics import Codes, encode

FEWEST_ITEMS = 50
"""A network trained on fewer items doesn't generalise to other photos."""


@dataclass(frozen=True)
class LabelColumn:
    """One label to learn."""

    name: str
    weight: float
    """The weight of its loss."""
    classes: int

    @property
    def output(self) -> str:
        """Name of the network's output for it: the label's, if that is ASCII as in TensorFlow."""
        return self.name if self.name.isascii() else f"label_{self.name.encode().hex()}"


@dataclass(frozen=True)
class LabelSet:
    """The labels of a set of items."""

    columns: tuple[LabelColumn, ...]
    codes: Codes
    """The class, from 0, or `MISSING`; int64, shape `(items, columns)`."""

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each column, by name."""
        return {column.name: column.weight for column in self.columns}


def encode_labels(
    values: Mapping[str, Sequence[str | None]], weights: Mapping[str, float]
) -> LabelSet:
    """Encode labels as integers, in alphabetical order.

    None and the empty text are missing labels. A value that only one item has stays a class: it
    still says what the item is not.

    Args:
        values: the value of each label for every item.
        weights: the labels to learn, each with its weight (above 0).

    Raises:
        LookalikeError: a label is unknown, its weight isn't positive, or it has fewer than two
            distinct values.
    """
    columns, codes = [], []
    for name, weight in weights.items():
        if name not in values:
            raise LookalikeError(f"there is no label called {name!r}; there are {_list(values)}")
        if not weight > 0:
            raise LookalikeError(f"the weight of {name} is {weight}; it has to be above 0")
        own, words = encode(values[name])
        if len(words) < 2:
            held = f"has one value only, {words[0]!r}" if words else "is empty"
            raise LookalikeError(
                f"the label {name} {held}: nothing can be learned from it; leave it out"
            )
        codes.append(own)
        columns.append(LabelColumn(name, weight, len(words)))
    if not columns:
        raise LookalikeError(f"name at least one label to learn, of {_list(values)}")
    return LabelSet(tuple(columns), np.stack(codes, axis=1))


def require_enough(items: int) -> None:
    """Refuse to train on too few items.

    Raises:
        LookalikeError: there are fewer than `FEWEST_ITEMS`.
    """
    if items < FEWEST_ITEMS:
        raise LookalikeError(
            f"{items} products to train on are too few: at least {FEWEST_ITEMS} are needed"
        )


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(names)
