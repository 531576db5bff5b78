"""How callers name a product: by its sku or by its item_id; and the address that it has."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

LAST_ID = 2**63 - 1
"""The largest id that Postgres's bigint holds."""

MAX_SKU = 200
"""Characters of a sku, at most."""

STORABLE = re.compile(r"[^\0\ud800-\udfff]*")
"""A text that Postgres can hold: no NUL, no half of a pair of code units."""

CANONICAL = re.compile(r"[1-9][0-9]{0,18}")

AMBIGUOUS = re.compile(r"\.{1,2}|/|.*/(image|similar)", re.DOTALL)
"""Skus that no address can hold: programs resolve the dots, and the endings are addresses too."""


@dataclass(frozen=True)
class ItemKey:
    """A product as a caller names it. Where both fields are set, the sku counts first."""

    written: str | int
    """What the caller wrote, for messages."""
    sku: str | None
    item_id: int | None

    @classmethod
    def from_text(cls, text: str) -> "ItemKey":
        """Understand a path or an argument: a sku, or else the digits of an item_id."""
        usable = 0 < len(text) <= MAX_SKU and STORABLE.fullmatch(text) is not None
        is_id = CANONICAL.fullmatch(text) is not None and int(text) <= LAST_ID
        return cls(text, text if usable else None, int(text) if is_id else None)

    @classmethod
    def from_json(cls, value: str | int) -> "ItemKey":
        """Understand a value of JSON: a text is a sku, a number an item_id."""
        if isinstance(value, str):
            return cls(value, value, None)
        return cls(value, None, value)

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what statements call the two."""
        return {"sku": self.sku, "item_id": self.item_id}

    def __str__(self) -> str:
        text = str(self.written)[:MAX_SKU]
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def path_name(item_id: int, sku: str) -> str:
    """Return how an address names a product, not yet quoted: by its sku wherever that can be."""
    return str(item_id) if AMBIGUOUS.fullmatch(sku) else sku


def image_path(item_id: int, sku: str, position: int = 1) -> str:
    """Return the path of a product's photo on the server that answers."""
    path = f"/api/v1/items/{quote(path_name(item_id, sku), safe='')}/image"
    return path if position == 1 else f"{path}?position={position}"
