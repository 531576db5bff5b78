"""CSV and TSV files.

The csv module splits the lines: unlike pandas and pyarrow it tells which line a row began on, and
what a row with too many fields holds. A quote that is never closed costs its own line only.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import _csv

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from app.errors import LookalikeError
from worker.sources.files import SourceFile, TextFile
from worker.sources.interfaces import Frame, Reject

MAX_LINES = 1000
"""Lines that one record may have."""

FIRST = 1000
"""Lines by which a file is known."""

LONGEST_FIELD = 1 << 24
"""Characters."""


@dataclass
class Records:
    """Records, and what is none."""

    fields: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """On which line each begins."""
    raws: list[str] = field(default_factory=list)
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, reason and text of what is no record."""
    repaired: int = 0


class RecordReader:
    """Splits lines into records of one width.

    Args:
        delimiter: what stands between fields.
        names: the header.
        number: the number of the first line to come.
    """

    def __init__(self, delimiter: str, names: list[str], number: int) -> None:
        csv.field_size_limit(LONGEST_FIELD)
        self._delimiter = delimiter
        self._width = len(names)
        # A header that ends in a delimiter has a column without a name.
        self._named = max((at for at, name in enumerate(names, 1) if name), default=0)
        self._number = number
        self._begun = False
        self._spaced = False
        self._carried: list[str] = []

    def read(self, lines: list[str], *, final: bool = False) -> Records:
        """Split lines; what the last of them leaves open is kept for the next call.

        Args:
            lines: without their ends.
            final: whether there are no more.
        """
        if not self._begun and lines:
            self._look_at(lines[:FIRST])
        lines = self._carried + lines
        self._carried = []
        records = self._read_simple(lines) or self._read_each(lines, final)
        self._number += len(lines) - len(self._carried)
        return records

    def split(self, line: str) -> list[str]:
        """Split a line by itself."""
        return next(self._readings(line))

    def _look_at(self, lines: list[str]) -> None:
        """Find out what all lines have that the header lacks: a delimiter at their end, blanks."""
        self._begun = True
        text = "\n".join(lines)
        self._spaced = (
            f'{self._delimiter} "' in text and f'{self._delimiter}"' not in text
        )  # "a", "b"
        widths = {len(self.split(line)) for line in lines if line.strip()}
        ended = all(line.rstrip().endswith(self._delimiter) for line in lines if line.strip())
        if widths == {self._width + 1} and ended:
            self._width += 1

    def _read_simple(self, lines: list[str]) -> Records | None:
        """Split lines that are a record each; None if there are others."""
        try:
            fields = list(self._reader(lines))
        except csv.Error:
            return None
        if len(fields) != len(lines) or set(map(len, fields)) != {self._width}:
            return None
        return Records(fields, list(range(self._number, self._number + len(lines))), lines)

    def _reader(self, lines: Iterable[str], spaced: bool | None = None) -> "_csv.Reader":
        return csv.reader(
            lines,
            delimiter=self._delimiter,
            strict=True,
            skipinitialspace=self._spaced if spaced is None else spaced,
        )

    def _read_each(self, lines: list[str], final: bool) -> Records:
        records = Records()
        at = 0
        while at < len(lines):
            at = self._read_from(lines, at, final, records)
            if self._carried:
                break
        return records

    def _read_from(self, lines: list[str], start: int, final: bool, records: Records) -> int:
        """Read records from a line on until one is broken; return the line to go on from."""
        at = start
        reader = self._reader(_ended(lines, start))
        while at < len(lines):
            before = reader.line_num
            try:
                fields = next(reader)
            except StopIteration:
                return len(lines)
            except csv.Error:
                fields = None
            used = reader.line_num - before
            if not lines[at].strip():
                at += used
                continue
            fitted = None if fields is None else self._fit(fields)
            if fitted is None and at + used >= len(lines) and not final and used < MAX_LINES:
                self._carried = lines[at:]  # the rest of it may be still to come
                return at
            if fitted is None or used > MAX_LINES:
                self._read_line(lines[at], self._number + at, records)
                return at + 1
            records.fields.append(fitted)
            records.lines.append(self._number + at)
            records.raws.append("\n".join(lines[at : at + used]))
            at += used
        return at

    def _read_line(self, line: str, number: int, records: Records) -> None:
        """Read a line by itself, with its quotes taken in any way that gives the right fields."""
        simple = [] if '"' in line else line.split(self._delimiter)
        for fields in [simple] if len(simple) == self._width else self._readings(line):
            fitted = self._fit(fields)
            if fitted is not None:
                records.fields.append(fitted)
                records.lines.append(number)
                records.raws.append(line)
                return
        found = next(self._readings(line))
        reason = f"{len(found)} fields instead of {self._width}"
        if line.count('"') % 2:
            reason += ": a quote is opened and not closed"
        records.broken.append((number, reason, line))

    def _readings(self, line: str) -> Iterator[list[str]]:
        for spaced in (self._spaced, not self._spaced):
            with suppress(csv.Error, StopIteration):
                yield next(self._reader([line], spaced))
        pieces = (piece.strip() for piece in line.split(self._delimiter))
        yield [
            piece[1:-1] if len(piece) > 1 and piece[0] == piece[-1] == '"' else piece
            for piece in pieces
        ]

    def _fit(self, fields: list[str]) -> list[str] | None:
        """Return a row of the header's width, None if it has another number of fields."""
        missing = self._width - len(fields)
        if missing == 0:
            return fields
        return fields + [""] * missing if missing > 0 and len(fields) >= self._named else None


def _ended(lines: list[str], start: int) -> Iterator[str]:
    for at in range(start, len(lines)):
        yield lines[at] + "\n"


class LineReader(RecordReader):
    """Splits lines that are a record each, whatever their quotes say.

    Args:
        delimiter: what stands between fields.
        names: the header.
        number: the number of the first line to come.
        title: the column that unquoted delimiters belong to.
    """

    def __init__(self, delimiter: str, names: list[str], number: int, title: str | None) -> None:
        super().__init__(delimiter, names, number)
        self._title = names.index(title) if title in names else None
        self._repaired = 0

    def _read_each(self, lines: list[str], final: bool) -> Records:
        records = Records()
        self._repaired = 0
        for number, line in enumerate(lines, start=self._number):
            fields = [] if '"' in line else line.split(self._delimiter)
            if len(fields) == self._width:
                records.fields.append(fields)
                records.lines.append(number)
                records.raws.append(line)
            elif line.strip():
                self._read_line(line, number, records)
        records.repaired = self._repaired
        return records

    def _fit(self, fields: list[str]) -> list[str] | None:
        """Return a row of the header's width, the pieces of its title joined."""
        fitted = super()._fit(fields)
        surplus = len(fields) - self._width
        if fitted is not None or surplus < 0 or self._title is None:
            return fitted
        self._repaired += 1
        pieces = slice(self._title, self._title + surplus + 1)
        return [
            *fields[: pieces.start],
            self._delimiter.join(fields[pieces]),
            *fields[pieces.stop :],
        ]


DELIMITERS = ",\t;|"


class RecordFrame(Frame):
    """Records of a file.

    Args:
        records: their fields and lines.
        positions: where each column stands in a record; one that stands twice has several.
    """

    def __init__(self, records: Records, positions: dict[str, list[int]]) -> None:
        super().__init__(records.lines, [Reject(*each) for each in records.broken])
        self._raws = records.raws
        self._positions = positions
        self.repaired = records.repaired
        self._columns = list(zip(*records.fields, strict=True))

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values; lists if it stands several times in the header."""
        positions = self._positions.get(name)
        if positions is None or not self._columns:
            return list(repeat(None, len(self.lines)))
        if many and len(positions) > 1:
            return list(map(list, zip(*(self._columns[at] for at in positions), strict=True)))
        return self._columns[positions[0]]

    def raw(self, index: int) -> str:
        """Return the lines of a row."""
        return self._raws[index]


class DelimitedTable:
    """A CSV or TSV file. See `Table`.

    Args:
        file: the file.
        delimiter: what stands between fields; found out by default.
        encoding: of the text.

    Raises:
        LookalikeError: the file is no such text, or holds no more than a header.
    """

    def __init__(
        self, file: SourceFile, delimiter: str | None = None, encoding: str = "utf-8"
    ) -> None:
        self.name = file.name
        self.root = file.root
        self.notes: list[str] = []
        self._file = file
        self._text = TextFile(file, encoding)
        self._before, header = self._find_header()
        if delimiter is None and header.lower().startswith("sep=") and len(header) == 5:
            delimiter = header[4]  # a line that Excel writes and reads
            self._before, header = self._find_header(self._before)
        self.delimiter = delimiter or sniff_delimiter(header)
        if "\0" in header:
            raise LookalikeError(
                f"the first line of {self.name} holds NUL characters: if the file is UTF-16, say "
                'encoding = "utf-16-le" under [source] of the profile'
            )
        self.columns, self._width_names = self._read_header(header)
        self._positions: dict[str, list[int]] = {}
        for at, name in enumerate(self._width_names):
            if name:
                self._positions.setdefault(name, []).append(at)

    def has(self, column: str) -> bool:
        """Return whether there is a column."""
        return column in self._positions

    def require_single(self, columns: Sequence[str]) -> None:
        """Refuse columns that stand more than once.

        Raises:
            LookalikeError: one does; the text names it.
        """
        for column in columns:
            if len(self._positions.get(column, ())) > 1:
                raise LookalikeError(
                    f"{self.name} has the column {column!r} {len(self._positions[column])} times: "
                    "rename or remove all but one"
                )

    def size(self) -> int | None:
        """Return about how many rows there are."""
        count = self._file.count_lines()
        return None if count is None else max(count - self._before, 0)

    def frames(self) -> Iterator[Frame]:
        """Read all rows."""
        empty = True
        for records in self._records():
            if records.fields or records.broken:
                empty = False
                yield RecordFrame(records, self._positions)
        if empty:
            raise LookalikeError(f"{self.name} holds a header and no product")

    def _records(self) -> Iterator[Records]:
        reader = self._make_reader(self._before + 1)
        skip = self._before
        for lines in self._text.blocks():
            skipped = min(skip, len(lines))
            skip -= skipped
            yield reader.read(lines[skipped:] if skipped else lines)
        yield reader.read([], final=True)

    def _make_reader(self, number: int) -> RecordReader:
        return RecordReader(self.delimiter, self._width_names, number)

    def _find_header(self, after: int = 0) -> tuple[int, str]:
        """Return the number of the first line that isn't blank, and the line."""
        number = 0
        for lines in self._text.blocks():
            for line in lines:
                number += 1
                if number > after and line.strip():
                    return number, line
        raise LookalikeError(f"{self.name} is empty: expected a header, and a line a product")

    def _read_header(self, header: str) -> tuple[list[str], list[str]]:
        """Return the columns' names, and the same with empty ones for fields without a name."""
        reader = RecordReader(self.delimiter, [], 0)
        names = [name.strip().strip("\ufeff") for name in reader.split(header)]
        found = [name for name in dict.fromkeys(names) if name]
        if not found:
            raise LookalikeError(f"the first line of {self.name} names no column")
        return found, names


def sniff_delimiter(header: str) -> str:
    """Return what stands between the names of a header: what occurs most outside quotes."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
