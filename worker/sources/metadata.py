"""`styles/ID.json`: what the dataset says of a product beyond its row."""

from pathlib import Path
from typing import Any, NamedTuple

from worker.sources.json_values import parse_object, to_json


class Metadata(NamedTuple):
    """The fields that have columns of their own, as they stand there, and the rest."""

    brand: Any = None
    price: Any = None
    discounted_price: Any = None
    details: str | None = None
    """The rest as JSON text; None if nothing of it can be used."""
    images: Any = None
    """Its `styleImages`: addresses of pictures."""


def read_metadata(file: Path, max_bytes: int) -> Metadata:
    """Read a metadata file as far as it can be used.

    What Postgres can't store in `jsonb` (NUL characters, lone surrogates, NaN) leaves no details.

    Args:
        file: the file.
        max_bytes: what the details may have.
    """
    try:
        data = parse_object(file.read_text(encoding="utf-8-sig")).get("data")
    except (OSError, ValueError):
        return Metadata()
    if not isinstance(data, dict):
        return Metadata()
    images = data.get("styleImages")
    return Metadata(
        brand=data.pop("brandName", None),
        price=data.pop("price", None),
        discounted_price=data.pop("discountedPrice", None),
        details=_details(data, max_bytes),
        images=images if isinstance(images, dict) else None,
    )


def _details(data: dict[str, Any], max_bytes: int) -> str | None:
    try:
        details = to_json(data)
    except (ValueError, TypeError, RecursionError):
        return None
    return details if len(details.encode()) <= max_bytes else None
