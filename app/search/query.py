"""The query of a search: the vectors to compare with."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector


@dataclass(frozen=True)
class SearchQuery:
    """The vectors to compare with, and what they were made from."""

    model: str
    """The active model, which made the vectors."""
    embeddings: tuple[HalfVector, ...]
    """One or several vectors; a product's distance is that to the nearest."""
    asked: dict[str, Any]
    """The query for the answer."""
    excluded: list[int] = field(default_factory=list)
    """Products to leave out: those of the query."""
    photos: frozenset[str] = frozenset()
    """SHA-256 of the query's photos, whose files count as duplicates."""
    examples: NDArray[np.float32] | None = None
    """The unit vectors, `(N, dimensions)`, if the one vector was made from several: photos
    near-identical to one of them count as duplicates."""
