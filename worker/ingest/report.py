"""The report of an ingest: what was read, and what it changed."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Problem(NamedTuple):
    """A part of a source that could not be used; the ingest continues without it."""

    kind: Literal["row", "value", "photo"]
    """A row that is not a product, a value stored as null, or a photo that can't be read."""
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
    """By column of the source, values stored as null because they can't be parsed."""
    with_details: int = 0
    with_photo: int = 0
    without_photo: int = 0
    """Products without a photo; 0, like `with_photo`, if the profile maps no photos."""
    photos: int = 0
    unchanged_photos: int = 0
    """Photos that were not read, since the storage says that they are unchanged."""
    unavailable_photos: int = 0
    """Photos that can't be read now; what is stored of them is kept."""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
