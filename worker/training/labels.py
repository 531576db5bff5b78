"""The labels to learn: their columns, weights and encodings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import LookalikeError
from worker.evaluation.metrics import MISSING, Codes, encode

TOGETHER = "+"
"""Joins the names of labels that are learnt as one: a class for each combination of values."""

FEWEST_ITEMS = 50
"""A network trained on fewer items doesn't generalise to other photos."""


@dataclass(frozen=True)
class LabelColumn:
    """One label to learn."""

    name: str
    """The label's, or those of several labels joined by dots."""
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
        weights: the labels to learn, each with its weight (above 0); `a+b` is the combination of
            the labels a and b, and missing where either is.

    Raises:
        LookalikeError: a label is unknown, its weight isn't positive, it has fewer than two
            distinct values, or no two items have the same.
    """
    columns, codes = [], []
    for name, weight in weights.items():
        for part in name.split(TOGETHER):
            if part not in values:
                raise LookalikeError(
                    f"there is no label called {part!r}; there are {_list(values)}"
                )
        if not weight > 0:
            raise LookalikeError(f"the weight of {name} is {weight}; it has to be above 0")
        own, words = encode(_combined([values[part] for part in name.split(TOGETHER)]))
        if len(words) < 2:
            held = f"has one value only, {words[0]!r}" if words else "is empty"
            raise LookalikeError(
                f"the label {name} {held}: nothing can be learned from it; leave it out"
            )
        if len(words) == np.count_nonzero(own != MISSING):
            raise LookalikeError(
                f"no two products have the same {name}: nothing can be learned from it; leave it "
                "out"
            )
        codes.append(own)
        columns.append(LabelColumn(name.replace(TOGETHER, "."), weight, len(words)))
    if not columns:
        raise LookalikeError(f"name at least one label to learn, of {_list(values)}")
    return LabelSet(tuple(columns), np.stack(codes, axis=1))


def _combined(parts: Sequence[Sequence[str | None]]) -> Sequence[str | None]:
    """Return one label whose values are the combinations of several labels' values."""
    if len(parts) == 1:
        return parts[0]
    rows = zip(*parts, strict=True)
    return ["\x1f".join(map(str, row)) if all(row) else None for row in rows]


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
