"""`styles/ID.json`: what the dataset knows of a product beyond its row."""

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from worker.ingest.rows import fits


class Metadata(NamedTuple):
    """The fields that have columns of their own, and the rest as JSON text."""

    brand_name: str | None
    price: Decimal | None
    discounted_price: Decimal | None
    details: str | None


def read_metadata(file: Path) -> Metadata | None:
    """Read a metadata file; None where it is broken in any way.

    What Postgres can't store in `jsonb` (NUL characters, lone surrogates, NaN) is broken as well.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)["data"]
        brand = data.pop("brandName", None)
        prices = [_price(data.pop(key, None)) for key in ("price", "discountedPrice")]
        details = json.dumps(data, ensure_ascii=False, allow_nan=False)
        details.encode()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if "\\u0000" in details or not (brand is None or (isinstance(brand, str) and fits(brand))):
        return None
    return Metadata(_clean(brand), prices[0], prices[1], details)


def _price(value: Any) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return Decimal(str(value))


def _clean(text: str | None) -> str | None:
    return text.replace("\0", "").strip() or None if text else None


def _refuse(name: str) -> None:
    raise ValueError(name)
