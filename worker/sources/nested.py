"""Fields of nested objects, as JSON, Parquet and databases have them, named by dotted paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from worker.sources.photos import is_photo_object

AVAILABLE = ("available", "availableForSale", "in_stock")
"""Fields of a variant that a product has if any of its variants has it."""

TITLES = ("name", "title", "label", "value", "nazwa", "nombre", "nom", "nome", "naam", "名前")
"""Fields by which an object in a list is called."""

MAX_FIELDS = 100
"""Fields of an object that are looked at as columns."""


def lookup(found: Any, name: str) -> Any:
    """Return the field of an object at a dotted path, None if there is none."""
    for part in name.split("."):
        if isinstance(found, list) and part.isdigit() and len(part) < 5:
            found = found[int(part)] if int(part) < len(found) else None
        elif isinstance(found, list):  # of objects: what each of them has
            found = [each[part] for each in found if isinstance(each, dict) and part in each]
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            return None
    return found


def open_objects(columns: Mapping[str, Sequence[Any]], depth: int = 3) -> dict[str, Sequence[Any]]:
    """Return columns with the fields of objects as columns of their own, named by their paths.

    Of lists of objects, these are the names in them (`categories.name`); of a product's variants or
    offers the fields of the first (`variants.0.price`), and whether any is available
    (`variants.available`).
    """
    opened: dict[str, Sequence[Any]] = {}
    for name, values in columns.items():
        objects = [value for value in values if isinstance(value, dict)]
        lists = [value for value in values if isinstance(value, list) and value]
        first = [value[0] for value in lists if isinstance(value[0], dict)]
        keys: list[str] = []
        if depth and objects and not is_photo_object(objects[0]):
            keys = list(dict.fromkeys(key for each in objects for key in each))
        elif depth and first and name in ("variants", "offers"):
            every = list(dict.fromkeys(key for each in first for key in each))
            keys = [key if key in AVAILABLE else f"0.{key}" for key in every]
        elif first and not is_photo_object(first[0]):
            named = (key for key in TITLES if all(isinstance(each.get(key), str) for each in first))
            keys = list(named)[:1]
        usable = [key for key in keys[:MAX_FIELDS] if key and "." not in key.removeprefix("0.")]
        if not usable:
            opened[name] = values
            continue
        fields = {f"{name}.{key}": [lookup(value, key) for value in values] for key in usable}
        opened |= open_objects(fields, depth - 1)
    return opened


def has_field(found: Any, name: str) -> bool:
    """Return whether an object has a field at a dotted path, which may be null."""
    head, _, last = name.rpartition(".")
    parent = lookup(found, head) if head else found
    return (isinstance(parent, dict) and last in parent) or lookup(found, name) is not None
