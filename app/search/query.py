"""The query of a search, beside its vector."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SearchQuery:
    """What the vector that a search compares with was made from."""

    model: str
    """The active model, which made the vector."""
    asked: dict[str, Any]
    """The query for the answer."""
    photos: frozenset[str] = frozenset()
    """SHA-256 of the query's photos, whose files count as duplicates."""
    examples: NDArray[np.float32] | None = None
    """The unit vectors, `(N, dimensions)`, if the vector was made from several: photos
    near-identical to one of them count as duplicates."""
