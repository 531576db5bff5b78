"""Some thousand rows of a source as it has them, before they become products."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from worker.sources.products import Reject

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
