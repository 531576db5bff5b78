"""CSV and TSV files.

The csv module splits the lines: unlike pandas and pyarrow it tells which line a row began on, and
what a row with too many fields holds. A quote that is never closed costs its own line only.
"""

import csv
import re
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
"""Most lines in one record."""

FIRST = 1000
"""Lines from which the reader learns a file's habits."""

LONGEST_FIELD = 1 << 24
"""Most characters in a field."""


@dataclass
class Records:
    """Records, and lines that are not records."""

    fields: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """The first line of each record."""
    raws: list[str] = field(default_factory=list)
    """The text of each record."""
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, reason and text of each line that is not a record."""
    repaired: int = 0


class RecordReader:
    """Splits lines into records of one width.

    Args:
        delimiter: what separates fields.
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
        """Split lines into records; an unfinished last record waits for the next call.

        Args:
            lines: without line ends.
            final: whether these are the last lines.
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
        """Detect whether lines end in a delimiter, and whether blanks precede their quotes."""
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
        """Split lines if each is one record; else return None."""
        try:
            fields = self._split_unquoted(lines) or list(self._reader(lines))
        except csv.Error:
            return None
        if len(fields) != len(lines) or set(map(len, fields)) != {self._width}:
            return None
        return Records(fields, list(range(self._number, self._number + len(lines))), lines)

    def _split_unquoted(self, lines: list[str]) -> list[list[str]] | None:
        """Split lines without quotes, faster than the csv module does; None if there are any."""
        text = "\n".join(lines)
        if '"' in text or "\r" in text or self._width == 1:  # where a blank line has no field
            return None
        return [line.split(self._delimiter) for line in lines]

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
        """Read records from a line on, up to a broken one; return the index of the next line."""
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
                self._carried = lines[at:]  # the rest may be in the next block
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
        """Read a line by itself, trying ways to interpret its quotes until the width is right."""
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
        """Return a row with the header's width, None if it has another number of fields."""
        missing = self._width - len(fields)
        if missing == 0:
            return fields
        return fields + [""] * missing if missing > 0 and len(fields) >= self._named else None


def _ended(lines: list[str], start: int) -> Iterator[str]:
    for at in range(start, len(lines)):
        yield lines[at] + "\n"


class LineReader(RecordReader):
    """Splits lines where each is one record, even with unbalanced quotes.

    Args:
        delimiter: what separates fields.
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
        """Return a row with the header's width; the pieces of its title are joined."""
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

JSON = re.compile(r"\s*(?:\{\s*\"|\[\s*(?:\{|$)|\{\s*$)")

AMAZON = ("TemplateType=", "settings=")
"""Beginnings of Amazon's flat files, whose header is the third line."""


class RecordFrame(Frame):
    """Records of a file.

    Args:
        records: their fields and lines.
        positions: each column's positions in a record; a repeated column has several.
    """

    def __init__(self, records: Records, positions: dict[str, list[int]]) -> None:
        super().__init__(records.lines, [Reject(*each) for each in records.broken])
        self._raws = records.raws
        self._positions = positions
        self.repaired = records.repaired
        self.texts = True
        self._columns = list(zip(*records.fields, strict=True))

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a column's values; with `many`, a list a row for a repeated column."""
        positions = self._positions.get(name)
        if positions is None or not self._columns:
            return list(repeat(None, len(self.lines)))
        if many and len(positions) > 1:
            return list(map(list, zip(*(self._columns[at] for at in positions), strict=True)))
        return self._columns[positions[0]]

    def raw(self, index: int) -> str:
        """Return a row's text."""
        return self._raws[index]


class DelimitedTable:
    """A CSV or TSV file. See `Table`.

    Args:
        file: the file.
        delimiter: what separates fields; detected by default.
        encoding: of the text.

    Raises:
        LookalikeError: the file is not such text, or has no header.
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
            delimiter = header[4]  # Excel writes and reads this line
            self._before, header = self._find_header(self._before)
        if JSON.match(header):
            raise LookalikeError(f'{self.name} is JSON: name a profile with format = "jsonl"')
        if header.startswith(AMAZON):  # the labels follow, and then the names
            self._before, header = self._find_header(self._find_header(self._before)[0])
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

    def repeated(self) -> list[str]:
        """Return the columns that the header has more than once."""
        return [name for name, positions in self._positions.items() if len(positions) > 1]

    def require_single(self, columns: Sequence[str]) -> None:
        """Refuse repeated columns.

        Raises:
            LookalikeError: the header has one of the columns more than once.
        """
        for column in self.repeated():
            if column in columns:
                raise LookalikeError(
                    f"{self.name} has the column {column!r} {len(self._positions[column])} times: "
                    "rename or remove all but one"
                )

    def size(self) -> int | None:
        """Return the approximate number of rows."""
        count = self._file.count_lines()
        return None if count is None else max(count - self._before, 0)

    def frames(self) -> Iterator[Frame]:
        """Read all rows."""
        for records in self._records():
            if records.fields or records.broken:
                yield RecordFrame(records, self._positions)

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
        """Return the number and the text of the first line that isn't blank."""
        number = 0
        for lines in self._text.blocks():
            for line in lines:
                number += 1
                if number > after and line.strip():
                    return number, line
        raise LookalikeError(f"{self.name} is empty: expected a header, and a line a product")

    def _read_header(self, header: str) -> tuple[list[str], list[str]]:
        """Return the distinct column names, and the name of each field, empty where it has none."""
        reader = RecordReader(self.delimiter, [], 0)
        names = [name.strip().strip("\ufeff") for name in reader.split(header)]
        found = [name for name in dict.fromkeys(names) if name]
        if not found:
            raise LookalikeError(f"the first line of {self.name} names no column")
        return found, names


def sniff_delimiter(header: str) -> str:
    """Return a header's delimiter: the candidate that occurs most outside quotes."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
