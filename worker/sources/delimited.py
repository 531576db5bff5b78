"""CSV and TSV files."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

from app.errors import LookalikeError
from worker.sources.files import SourceFile
from worker.sources.frames import Frame
from worker.sources.lines import TextFile
from worker.sources.products import Reject
from worker.sources.records import RecordReader, Records

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
