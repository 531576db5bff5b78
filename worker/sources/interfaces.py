"""What the steps of reading hand on: a `Table` gives frames of rows, a `ProductSource` products."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from app.catalog.profile import Profile

Core = tuple[str | None, str | None, Decimal | None, Decimal | None, bool | None]
"""Title, brand, price, discounted price, available."""

Value = str | int | Decimal | bool | date | list[str] | None
"""An attribute's value."""


class Product(NamedTuple):
    """A product, its values of the types that the profile declares."""

    line: int
    """Line of the source, or the row's number where it has no lines (XML, Parquet, SQL)."""
    sku: str
    core: Core
    attributes: tuple[Value, ...]
    """In the order of the profile."""
    photos: tuple[str, ...]
    """Paths below the source's root, or URLs; the first photo first, none twice."""
    details: str | None
    """What else the source says of the product, as JSON text that `jsonb` takes."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no product, and why."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that isn't of its type: stored as null, while its row stays."""

    line: int
    sku: str
    column: str
    reason: str
    raw: str


@dataclass(slots=True)
class Batch:
    """Some rows of a source: `read` is the number of products and rejects together."""

    products: list[Product]
    rejects: list[Reject] = field(default_factory=list)
    bad_values: list[BadValue] = field(default_factory=list)
    read: int = 0
    repaired: int = 0
    """Rows whose title held unquoted commas."""
    broken_details: int = 0
    """Products whose details could not be used; they are stored without."""


class ProductSource(Protocol):
    """Products, wherever they are. It can be read more than once."""

    name: str
    """For messages."""
    root: str | None
    """What relative photo references are below; None where there is no such place."""
    profile: Profile
    """What its columns are, with those that its format adds."""
    absent: frozenset[str]
    """Columns that the profile names and the source lacks."""
    notes: list[str]
    """What the user should know before it is read, a line each."""

    def size(self) -> int | None:
        """Return about how many rows there are, None if that is not known."""

    def batches(self) -> Iterator[Batch]:
        """Read all rows, some thousand at a time.

        Of several rows with one sku the first is the product; the others are rejects.

        Raises:
            LookalikeError: the source can't be read on.
        """


ROWS = 5000
"""Rows of a frame, about."""


@dataclass
class Frame:
    """Rows of a source. What follows is by index, from 0."""

    lines: Sequence[int]
    """Where each row stands in the source."""
    rejects: list[Reject] = field(default_factory=list)
    """What could not be read as a row; these have no index."""
    repaired: int = 0

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values; all None where the frame has no such column.

        Args:
            name: as the source calls it.
            many: whether lists are wanted where a row has several values. Without it, each is the
                row's first.
        """
        raise NotImplementedError

    def raw(self, index: int) -> str:
        """Return a row as the source has it, for people."""
        raise NotImplementedError

    def details(self, index: int, used: frozenset[str]) -> str | None:
        """Return what a row says beside the columns `used`, as JSON text; None for nothing.

        Raises:
            ValueError: it is nothing that Postgres can store.
        """
        return None


class Table(Protocol):
    """A source before its values are mapped. It can be read more than once."""

    name: str
    root: str | None
    columns: list[str]
    """What there is: the header, or the fields of the first rows."""
    notes: list[str]

    def has(self, column: str) -> bool:
        """Return whether there is a column, or one may be absent without a word."""

    def size(self) -> int | None:
        """Return about how many rows there are, None if that is not known."""

    def frames(self) -> Iterator[Frame]:
        """Read all rows.

        Raises:
            LookalikeError: the source can't be read on.
        """


class ColumnFrame(Frame):
    """A frame whose columns are there as lists."""

    def __init__(self, lines: Sequence[int], columns: dict[str, Sequence[Any]]) -> None:
        super().__init__(lines)
        self._columns = columns

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values."""
        found = self._columns.get(name)
        return [None] * len(self.lines) if found is None else found

    def raw(self, index: int) -> str:
        """Return a row as JSON."""
        row = {name: values[index] for name, values in self._columns.items()}
        return json.dumps(row, ensure_ascii=False, default=str)
