"""The interfaces between the steps of reading: tables give rows, product sources give products."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, Self, overload

from app.catalog.profile import Profile
from worker.sources.nested import lookup

Core = tuple[str | None, str | None, Decimal | None, Decimal | None, bool | None]
"""Title, brand, price, discounted price, available."""

Value = str | int | Decimal | bool | date | list[str] | None
"""An attribute's value."""


class Product(NamedTuple):
    """A product; its values have the types that the profile declares."""

    line: int
    """Line in the source, or the row's number where there are no lines (XML, Parquet, SQL)."""
    sku: str
    core: Core
    attributes: tuple[Value, ...]
    """In the profile's order."""
    photos: tuple[str, ...]
    """Paths below the source's root, or URLs; the first photo first, without duplicates."""
    details: str | None
    """Other fields of the product, as JSON text that is valid for `jsonb`."""


@dataclass(slots=True)
class Products(Sequence[Product]):
    """Products, column by column: a million are read in half the time that objects take."""

    lines: Sequence[int]
    skus: Sequence[str]
    core: Sequence[list[Any]]
    """The columns of `Core`, in its order."""
    attributes: Sequence[list[Any]]
    """In the profile's order."""
    photos: list[tuple[str, ...]]
    details: list[str | None]

    @classmethod
    def of(cls, products: Sequence[Product]) -> Self:
        """Return the columns of some products."""
        if not products:
            return cls([], [], [[] for _ in range(5)], [], [], [])
        lines, skus, core, attributes, photos, details = zip(*products, strict=True)
        return cls(
            *(lines, skus, [list(column) for column in zip(*core, strict=True)]),
            [list(column) for column in zip(*attributes, strict=True)],
            *(list(photos), list(details)),
        )

    def __len__(self) -> int:
        """Return the number of products."""
        return len(self.skus)

    @overload
    def __getitem__(self, at: int) -> Product: ...
    @overload
    def __getitem__(self, at: slice) -> "Products": ...

    def __getitem__(self, at: int | slice) -> "Product | Products":
        """Return a product, or the columns of some."""
        if isinstance(at, slice):
            return Products(
                *(self.lines[at], self.skus[at], [column[at] for column in self.core]),
                [column[at] for column in self.attributes],
                *(self.photos[at], self.details[at]),
            )
        title, brand, price, discounted_price, available = (column[at] for column in self.core)
        return Product(
            *(self.lines[at], self.skus[at], (title, brand, price, discounted_price, available)),
            tuple(column[at] for column in self.attributes),
            *(self.photos[at], self.details[at]),
        )


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not a product, and why."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that doesn't have its column's type: it is stored as null, and its row is kept."""

    line: int
    sku: str
    column: str
    reason: str
    raw: str


@dataclass(slots=True)
class Batch:
    """Some rows of a source; `read` counts products and rejects."""

    products: Products
    rejects: list[Reject] = field(default_factory=list)
    bad_values: list[BadValue] = field(default_factory=list)
    read: int = 0
    repaired: int = 0
    """Rows whose title contained unquoted commas."""


class ProductSource(Protocol):
    """A source of products in any format. It can be read more than once."""

    name: str
    """For messages."""
    root: str | None
    """Folder or URL that relative photo references are below; None if there is none."""
    profile: Profile
    """The meaning of its columns, including those that its format derives."""
    absent: frozenset[str]
    """Columns that the profile names and the source lacks."""
    notes: list[str]
    """Messages for the user before reading, one line each."""

    def size(self) -> int | None:
        """Return the approximate number of rows, None if it is unknown."""

    def batches(self) -> Iterator[Batch]:
        """Read all rows, a few thousand at a time.

        If several rows have the same sku, the first is the product and the others are rejects.

        Raises:
            LookalikeError: reading the source failed.
        """


ROWS = 5000
"""Rows in a frame, approximately."""


@dataclass
class Frame:
    """Rows of a source, before they become products. Rows are indexed from 0."""

    lines: Sequence[int]
    """The line of each row in the source."""
    rejects: list[Reject] = field(default_factory=list)
    """What could not be read as a row; rejects have no index."""
    repaired: int = 0
    texts: bool = False
    """Whether single values are text or None, as in CSV."""

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values; all None if the frame has no such column.

        Args:
            name: the source's name of the column.
            many: return a list where a row has several values, instead of its first value.
        """
        raise NotImplementedError

    def raw(self, index: int) -> str:
        """Return a row as it is in the source, for messages."""
        raise NotImplementedError

    def details(self, index: int, used: frozenset[str]) -> str | None:
        """Return a row's fields other than the columns `used`, as JSON text; None without any.

        Raises:
            ValueError: Postgres can't store them.
        """
        return None


class Table(Protocol):
    """A source before its values are mapped to products. It can be read more than once."""

    name: str
    root: str | None
    columns: list[str]
    """The header, or the fields of the first rows."""
    notes: list[str]

    def has(self, column: str) -> bool:
        """Return whether the table has a column, or can't tell before it is read."""

    def size(self) -> int | None:
        """Return the approximate number of rows, None if it is unknown."""

    def frames(self) -> Iterator[Frame]:
        """Read all rows.

        Raises:
            LookalikeError: reading the source failed.
        """


class ColumnFrame(Frame):
    """A frame made of columns."""

    def __init__(self, lines: Sequence[int], columns: dict[str, Sequence[Any]]) -> None:
        super().__init__(lines)
        self._columns = columns

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values; `a.b` is the field b of the objects in the column a."""
        found = self._columns.get(name)
        if found is None and "." in name:
            head, _, rest = name.partition(".")
            return [lookup(value, rest) for value in self._columns.get(head, ())] or self._none()
        return self._none() if found is None else found

    def _none(self) -> list[None]:
        return [None] * len(self.lines)

    def raw(self, index: int) -> str:
        """Return a row as JSON."""
        row = {name: values[index] for name, values in self._columns.items()}
        return json.dumps(row, ensure_ascii=False, default=str)
