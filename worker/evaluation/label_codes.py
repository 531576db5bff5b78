"""Label encoding: words as integers, which compare faster and fit a matrix."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = -1
"""The code of a label that a product lacks."""

Codes = NDArray[np.int64]


def encode(words: Sequence[str | None]) -> tuple[Codes, list[str]]:
    """Number words from 0 in alphabetical order; None and the empty word are `MISSING`.

    Returns:
        The code of each word, shape `(len(words),)`, and the word of each code.
    """
    codes, known = pd.factorize(
        np.array([word or None for word in words], dtype=object), sort=True, use_na_sentinel=True
    )
    return codes.astype(np.int64), list(known)
