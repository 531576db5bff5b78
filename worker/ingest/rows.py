"""A line of `styles.csv`: parsed, or repaired, or refused with a reason."""

import csv
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

COLUMNS = {
    "id": "item_id",
    "gender": "gender",
    "masterCategory": "master_category",
    "subCategory": "sub_category",
    "articleType": "article_type",
    "baseColour": "base_colour",
    "season": "season",
    "year": "year",
    "usage": "usage",
    "productDisplayName": "product_display_name",
}
"""The dataset's columns, and what the table `items` calls them."""

NAME = "productDisplayName"
MAX_ID = 2**63 - 1
YEARS = range(1, 10_000)

MAX_FIELD_BYTES = 2000
"""Postgres takes up to 2,704 bytes into a B-tree index."""


class Row(NamedTuple):
    """A product as `styles.csv` has it; an empty field is None."""

    line: int
    values: tuple[Any, ...]
    """The columns, in the order of `COLUMNS`."""
    repaired: bool
    """Whether the name held unquoted commas."""

    @property
    def item_id(self) -> int:
        """The product's id."""
        return int(self.values[0])

    @property
    def attributes(self) -> tuple[str | int | None, ...]:
        """The columns but the id."""
        return self.values[1:]


class RowParser:
    """Parses the lines below a header. It runs once a line: what it can, it looks up beforehand."""

    def __init__(self, header: list[str]) -> None:
        self._header = header
        self._width = len(header)
        self._name = header.index(NAME) if NAME in header else None
        at = {name: position for position, name in enumerate(header)}
        self._id = at["id"]
        # A column that the file lacks is read from an empty field behind the others.
        self._year = at.get("year", len(header))
        self._pick = itemgetter(*(at.get(name, len(header)) for name in COLUMNS))

    def parse(self, number: int, text: str) -> Row:
        """Parse a line.

        Args:
            number: the line's number in the file.
            text: the line without its end.

        Raises:
            ValueError: the line is no product; the text says why.
        """
        if "\0" in text:
            raise ValueError("the line holds a NUL character")
        fields = split(text) if '"' in text else text.split(",")
        repaired = len(fields) != self._width
        if repaired:
            self._repair(fields)
        values: list[Any] = [field.strip() or None for field in fields]
        values.append(None)
        values[self._id] = _item_id(values[self._id] or "")
        if values[self._year] is not None:
            values[self._year] = _year(values[self._year])
        if 4 * len(text) > MAX_FIELD_BYTES:  # a character has up to four bytes
            self._require_short(fields)
        return Row(number, self._pick(values), repaired)

    def _repair(self, fields: list[str]) -> None:
        """Join the pieces of a name with unquoted commas."""
        surplus = len(fields) - self._width
        if surplus < 0 or self._name is None:
            raise ValueError(f"{len(fields)} fields instead of {self._width}")
        pieces = slice(self._name, self._name + surplus + 1)
        fields[pieces] = [",".join(fields[pieces])]

    def _require_short(self, fields: list[str]) -> None:
        for name, field in zip(self._header, fields, strict=True):
            if not fits(field):
                raise ValueError(f"{name} is longer than {MAX_FIELD_BYTES:,} bytes")


def fits(text: str) -> bool:
    """Return whether a text is short enough for every column and its index."""
    return len(text.encode()) <= MAX_FIELD_BYTES


def split(text: str) -> list[str]:
    """Split a line at its commas, those in quotes excepted."""
    if '"' in text:
        try:
            return next(csv.reader([text], strict=True))
        except csv.Error:
            pass  # a lone quote is a character like any other
    return text.split(",")


def _item_id(text: str) -> int:
    usable = text.isdigit() and text.isascii() and len(text) <= 20
    if usable and 0 < (item_id := int(text)) <= MAX_ID:
        return item_id
    raise ValueError(f"id {text[:40]!r} is no positive 64-bit integer")


@lru_cache(1024)
def _year(text: str) -> int:
    # Some exports write years as 2011.0, since the column had holes.
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdigit() and len(whole) <= 4 and int(whole) in YEARS:
        return int(whole)
    raise ValueError(f"year {text[:40]!r} is no year")
