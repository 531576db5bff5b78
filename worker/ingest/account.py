"""What became of a catalog."""

from dataclasses import dataclass


@dataclass
class Account:
    """Counts of one ingest: read = stored + rejected, stored = with + without photo."""

    read: int = 0
    stored: int = 0
    rejected: int = 0
    repaired: int = 0
    with_photo: int = 0
    without_photo: int = 0
    unreadable_photos: int = 0
    """Photos that are there and can't be opened; their products count as without photo."""
    with_metadata: int = 0
    broken_metadata: int = 0
    """Metadata files that can't be used; their products are stored without."""
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
