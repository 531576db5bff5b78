"""What a search compares the products with."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector


@dataclass(frozen=True)
class SearchQuery:
    """What to compare the products with."""

    model: str
    """The active model, which made the vectors."""
    embeddings: tuple[HalfVector, ...]
    """One vector, or several: then a product counts by the one that it is nearest to."""
    asked: dict[str, Any]
    """How the answer repeats the query."""
    excluded: list[int] = field(default_factory=list)
    """Products that are no answer: those asked about."""
    photos: frozenset[str] = frozenset()
    """SHA-256 of the photos asked about: the same file is a duplicate."""
    examples: NDArray[np.float32] | None = None
    """The unit vectors, `(N, dimensions)`, that the one vector was made from, where it was from
    several: what is near-identical to one of them is a duplicate."""
