"""`styles.csv`, line by line: each row parsed, repaired or rejected on its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import LookalikeError
from worker.ingest.rows import COLUMNS, Row, RowParser, split

BLOCK = 1 << 16
"""Bytes of a file that are decoded at once, about."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no product, and why."""

    line: int
    reason: str
    raw: str


class StylesFile:
    """A `styles.csv` whose header has been read.

    Raises:
        LookalikeError: the file is missing, empty, not UTF-8, or has no `id` column.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise LookalikeError(
                f"{path} is missing: name the folder that holds styles.csv and images/"
            )
        header = next(self._lines(), None)
        if header is None or not header[1].strip():
            raise LookalikeError(f"{path} is empty: expected a header line and a line a product")
        self.header = [name.strip() for name in split(header[1])]
        if "id" not in self.header:
            raise LookalikeError(
                f"{path} has no column called id; its header is: {header[1][:200]}"
            )
        self.missing = [name for name in COLUMNS if name not in self.header]
        self.unknown = [name for name in self.header if name not in COLUMNS]

    def count_lines(self) -> int:
        """Count the lines after the header, roughly: for a progress bar."""
        with self.path.open("rb") as file:
            blocks = iter(lambda: file.read(1 << 20), b"")
            return max(sum(block.count(b"\n") for block in blocks) - 1, 0)

    def rows(self) -> Iterator[Row | Reject]:
        """Read every product line, in order; blank lines are passed over.

        Raises:
            LookalikeError: a line is not UTF-8.
        """
        parse = RowParser(self.header).parse
        seen: dict[int, int] = {}
        lines = self._lines()
        next(lines)
        for number, text in lines:
            if not text or text.isspace():
                continue
            try:
                row = parse(number, text)
            except ValueError as error:
                yield Reject(number, str(error), text)
                continue
            item_id = row.values[0]
            first = seen.setdefault(item_id, number)
            if first != number:
                yield Reject(number, f"id {item_id} stands on line {first} already", text)
            else:
                yield row

    def _lines(self) -> Iterator[tuple[int, str]]:
        # Lines and not records: a stray quote must never swallow the rows after its own. Many at
        # once, since it is the decoding of each by itself that takes time.
        number = 1
        with self.path.open("rb") as file:
            while lines := file.readlines(BLOCK):
                for text in self._decoded(lines, number):
                    yield number, text.rstrip("\r")
                    number += 1

    def _decoded(self, lines: list[bytes], first: int) -> list[str]:
        try:
            text = b"".join(lines).decode()
        except UnicodeDecodeError as error:
            number = first + b"".join(lines).count(b"\n", 0, error.start)
            raise LookalikeError(
                f"{self.path} is not UTF-8 on line {number}: save it as UTF-8"
            ) from None
        if first == 1:
            text = text.removeprefix("\ufeff")  # the mark that Windows puts before a text
        return text.removesuffix("\n").split("\n")
