"""Keys of products, a sku or an item_id, and the paths made from them."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

LAST_ID = 2**63 - 1
"""The largest id that Postgres's bigint holds."""

MAX_SKU = 200
"""Maximum length of a sku."""

STORABLE = re.compile(r"[^\0\ud800-\udfff]*")
"""Text that Postgres can store: no NUL, no surrogates."""

CANONICAL = re.compile(r"[1-9][0-9]{0,18}")

AMBIGUOUS = re.compile(r"\.{1,2}|/|.*/(image|similar)", re.DOTALL)
"""Skus that can't be in a path: clients resolve dots, and the endings are other paths."""


@dataclass(frozen=True)
class ItemKey:
    """A product's sku, item_id or both as a caller wrote it; the sku has priority."""

    written: str | int
    """What the caller wrote, for messages."""
    sku: str | None
    item_id: int | None

    @classmethod
    def from_text(cls, text: str) -> "ItemKey":
        """Parse a path or an argument: a sku, or the digits of an item_id."""
        usable = 0 < len(text) <= MAX_SKU and STORABLE.fullmatch(text) is not None
        is_id = CANONICAL.fullmatch(text) is not None and int(text) <= LAST_ID
        return cls(text, text if usable else None, int(text) if is_id else None)

    @classmethod
    def from_json(cls, value: str | int) -> "ItemKey":
        """Parse a JSON value: a string is a sku, a number an item_id."""
        if isinstance(value, str):
            return cls(value, value, None)
        return cls(value, None, value)

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the key as parameters of a statement."""
        return {"sku": self.sku, "item_id": self.item_id}

    def __str__(self) -> str:
        text = str(self.written)[:MAX_SKU]
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def path_name(item_id: int, sku: str) -> str:
    """Return a product's name in paths, not yet quoted: its sku, or its item_id if need be."""
    return str(item_id) if AMBIGUOUS.fullmatch(sku) else sku


def image_path(item_id: int, sku: str, position: int = 1) -> str:
    """Return the path of a product's photo on this server."""
    path = f"/api/v1/items/{quote(path_name(item_id, sku), safe='')}/image"
    return path if position == 1 else f"{path}?position={position}"
