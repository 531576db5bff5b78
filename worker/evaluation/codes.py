"""Labels as integers, which compare faster than words and fit a matrix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""The code of a label that an item lacks."""

LABELS = ("article_type", "base_colour", "sub_category", "gender", "season", "usage")
"""The columns of `items` that say what a product looks like."""

Codes = NDArray[np.int64]


def encode(words: Sequence[str | None]) -> tuple[Codes, list[str]]:
    """Number words from 0 in alphabetical order; None and the empty word are `MISSING`.

    Returns:
        The code of each word, shape `(len(words),)`, and the word of each code.
    """
    known = sorted({word for word in words if word})
    number = {word: code for code, word in enumerate(known)}
    codes = [number[word] if word else MISSING for word in words]
    return np.array(codes, dtype=np.int64), known
