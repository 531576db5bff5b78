"""What an ingest found and what it changed."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Problem(NamedTuple):
    """Something in a source that could not be used; the rest of the source goes on without it."""

    kind: Literal["row", "value", "photo"]
    """A row that is no product, a value stored as null, a photo that can't be read."""
    line: int
    reason: str
    raw: str


@dataclass
class IngestReport:
    """Counts of one ingest: read = stored + rejected."""

    read: int = 0
    stored: int = 0
    rejected: int = 0
    repaired: int = 0
    bad_values: dict[str, int] = field(default_factory=dict)
    """By column of the source: values that are stored as null because they can't be parsed."""
    with_details: int = 0
    broken_details: int = 0
    """Metadata files that can't be used; their products are stored without."""
    with_photo: int = 0
    without_photo: int = 0
    """Products; both stay 0 where the source says nothing of photos."""
    photos: int = 0
    unchanged_photos: int = 0
    """Photos that were not read, since the storage says that they are still the same."""
    unavailable_photos: int = 0
    """Photos that can't be read now; what was stored of them stays."""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
