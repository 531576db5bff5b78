"""`styles.csv`, line by line: each row parsed, repaired or rejected on its own."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import LookalikeError

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


@dataclass(frozen=True, slots=True)
class Row:
    """A product as `styles.csv` has it; an empty field is None."""

    line: int
    item_id: int
    attributes: tuple[str | int | None, ...]
    """The other columns, in the order of `COLUMNS`."""
    repaired: bool
    """Whether the name held unquoted commas."""


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
        self.header = [name.strip() for name in _split(header[1])]
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
        seen: dict[int, int] = {}
        lines = self._lines()
        next(lines)
        for number, text in lines:
            if not text.strip():
                continue
            try:
                row = self._parse(number, text)
            except ValueError as error:
                yield Reject(number, str(error), text)
                continue
            first = seen.setdefault(row.item_id, number)
            if first != number:
                yield Reject(number, f"id {row.item_id} stands on line {first} already", text)
            else:
                yield row

    def _lines(self) -> Iterator[tuple[int, str]]:
        # Lines and not records: a stray quote must never swallow the rows after its own.
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise LookalikeError(
                        f"{self.path} is not UTF-8 on line {number}: save it as UTF-8"
                    ) from None
                yield number, text.rstrip("\r\n")

    def _parse(self, number: int, text: str) -> Row:
        if "\0" in text:
            raise ValueError("the line holds a NUL character")
        fields = _split(text)
        surplus = len(fields) - len(self.header)
        if surplus < 0:
            raise ValueError(f"{len(fields)} fields instead of {len(self.header)}")
        if surplus > 0:
            if NAME not in self.header:
                raise ValueError(f"{len(fields)} fields instead of {len(self.header)}")
            at = self.header.index(NAME)
            fields[at : at + surplus + 1] = [",".join(fields[at : at + surplus + 1])]
        values = dict(zip(self.header, fields, strict=True))
        attributes = [values.get(name, "").strip() or None for name in COLUMNS if name != "id"]
        year = list(COLUMNS).index("year") - 1
        return Row(
            line=number,
            item_id=_item_id(values["id"].strip()),
            attributes=(*attributes[:year], _year(attributes[year]), *attributes[year + 1 :]),
            repaired=surplus > 0,
        )


def _split(text: str) -> list[str]:
    if '"' in text:
        try:
            return next(csv.reader([text], strict=True))
        except csv.Error:
            pass  # a lone quote is a character like any other
    return text.split(",")


def _item_id(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= MAX_ID and len(text) <= 20:
        return int(text)
    raise ValueError(f"id {text[:40]!r} is no positive 64-bit integer")


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    # Some exports write years as 2011.0, since the column had holes.
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdigit() and len(whole) <= 4 and int(whole) in YEARS:
        return int(whole)
    raise ValueError(f"year {text[:40]!r} is no year")
