"""Mapping the rows of a source to products, column by column, as the profile says."""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, compress
from typing import Any

from app.catalog.profile import Profile
from app.errors import LookalikeError
from worker.sources.interfaces import BadValue, Batch, Frame, Products, Reject, Table
from worker.sources.photos import MAX_PHOTOS, PLAIN_URL, parse_photos
from worker.sources.skus import SkuReader
from worker.sources.values import (
    PARSERS,
    Parser,
    parse_available,
    parse_discount,
    parse_price,
    parse_text,
    shorten,
    strip_texts,
)

CORE: tuple[tuple[str, Parser], ...] = (
    ("title", parse_text),
    ("brand", parse_text),
    ("price", parse_price),
    ("discounted_price", parse_discount),
    ("available", parse_available),
)
"""Fields of `Source`, in the order of `Product.core`."""

DETAILS = "details"
"""How the fields that no column takes are called in messages."""

MAX_RAW = 1000
"""Most characters kept of a bad value."""

FIRST = 100
"""Values by which it is decided whether a column repeats its values."""

SHOWN = 20
"""Most columns listed in a message."""


class MappedSource:
    """The products of a table. See `ProductSource`.

    Args:
        table: where the rows are read from.
        profile: the meaning of the columns.
        root: folder or URL that relative photo references are below; by default the table's.
        optional: columns that the table may lack; their values are empty then.

    Raises:
        LookalikeError: the table lacks a column that the profile names.
    """

    def __init__(
        self,
        table: Table,
        profile: Profile,
        root: str | None = None,
        optional: Collection[str] = (),
    ) -> None:
        self._table = table
        self.profile = profile
        self.name = table.name
        self.root = table.root if root is None else root
        named = named_columns(profile)
        self.absent = frozenset(column for column in named if not table.has(column))
        for column, use in named.items():
            if column in self.absent and column not in optional:
                raise LookalikeError(
                    f"{table.name} has no column {column!r}, which the profile {profile.name} "
                    f"names as its {use}; its columns are: {listed(table.columns)}"
                )
        self.notes = list(table.notes)
        used = {*named, *(column.partition(".")[0] for column in named)}
        ignored = [name for name in table.columns if name not in used]
        # JSON's other fields go into the details; Shopify's other columns are always the same.
        if ignored and profile.source.format not in ("jsonl", "shopify"):
            self.notes.append(f"columns that the profile doesn't name: {listed(ignored)}")

    def size(self) -> int | None:
        """Return the approximate number of rows, None if it is unknown."""
        return self._table.size()

    def batches(self) -> Iterator[Batch]:
        """Read all rows, a few thousand at a time."""
        mapper = Mapper(self.profile, self.root)
        for frame in self._table.frames():
            yield mapper.map(frame)


class Mapper:
    """Maps the frames of one pass over a source; it remembers the skus that it has seen."""

    def __init__(self, profile: Profile, root: str | None, skus: SkuReader | None = None) -> None:
        self._source = profile.source
        self._attributes = profile.attributes
        self._root = root
        self._skus = skus or SkuReader()
        self._used = frozenset(named_columns(profile))

    def map(self, frame: Frame) -> Batch:
        """Turn a frame into products; each row becomes a product or a reject."""
        rejects, bad_values = list(frame.rejects), list[BadValue]()
        skus, keep = self._read_skus(frame, rejects)
        columns = _Columns(frame, skus, keep, bad_values)
        products = Products(
            columns.lines,
            columns.skus,
            [columns.get(getattr(self._source, name), parse) for name, parse in CORE],
            [
                columns.get(each.column, PARSERS[each.type], many=each.type == "text[]")
                for each in self._attributes
            ],
            self._photos(columns),
            self._details(frame, columns, bad_values),
        )
        read = len(frame.lines) + len(frame.rejects)
        return Batch(products, rejects, bad_values, read, frame.repaired)

    def _read_skus(self, frame: Frame, rejects: list[Reject]) -> tuple[list[str], list[bool]]:
        """Return each row's sku and whether the row is a product; add the rejects to the others."""
        skus, reasons = self._skus.read(frame.column(self._source.sku), frame.lines)
        keep = [True] * len(skus)
        for index, reason in reasons.items():
            keep[index] = False
            rejects.append(Reject(frame.lines[index], reason, printable(frame.raw(index))))
        rejects.sort(key=lambda reject: reject.line)
        return skus, keep

    def _photos(self, columns: "_Columns") -> list[tuple[str, ...]]:
        names = [name for name in (self._source.photo, *self._source.more_photos) if name]
        if not names:
            return [()] * len(columns.skus)
        found = [columns.photos(name, self._root) for name in names]
        if len(found) == 1:
            return found[0]
        return [
            tuple(dict.fromkeys(chain.from_iterable(each)))[:MAX_PHOTOS]
            for each in zip(*found, strict=True)
        ]

    def _details(
        self, frame: Frame, columns: "_Columns", bad_values: list[BadValue]
    ) -> list[str | None]:
        found: list[str | None] = [None] * len(columns.indices)
        if type(frame).details is Frame.details:
            return found
        for at, index in enumerate(columns.indices):
            try:
                found[at] = frame.details(index, self._used)
            except ValueError as error:
                sku = columns.skus[at]
                bad_values.append(BadValue(columns.lines[at], sku, DETAILS, str(error), ""))
        return found


class _Columns:
    """Parses the columns of a frame's products, and collects the bad values."""

    def __init__(
        self, frame: Frame, skus: list[str], keep: list[bool], bad_values: list[BadValue]
    ) -> None:
        self._frame = frame
        self._keep = None if all(keep) else keep
        self._bad_values = bad_values
        self.skus: Sequence[str] = self._kept(skus)
        self.lines: Sequence[int] = self._kept(frame.lines)
        self.indices: Sequence[int] = self._kept(range(len(skus)))

    def get(self, name: str | None, parse: Parser, *, many: bool = False) -> list[Any]:
        """Return a column's parsed values, None for bad ones."""
        if name is None:
            return [None] * len(self.skus)
        values = self._kept(self._frame.column(name, many=many))
        parsed, bad = parse_column(values, parse, texts=self._frame.texts and not many)
        for index, reason in bad.items():
            self._enter(index, name, reason, values[index])
        return parsed

    def photos(self, name: str, root: str | None) -> list[tuple[str, ...]]:
        """Return the photo references in a column's values."""
        return [
            # A shortcut: most values are just one URL.
            (value,)
            if isinstance(value, str) and PLAIN_URL.fullmatch(value)
            else self._photos_of(index, name, value, root)
            for index, value in enumerate(self._kept(self._frame.column(name, many=True)))
        ]

    def _photos_of(self, index: int, name: str, value: Any, root: str | None) -> tuple[str, ...]:
        if value is None or value == "":
            return ()
        references, problems = parse_photos(value, root)
        found = tuple(dict.fromkeys(references))
        if len(found) > MAX_PHOTOS:
            problems.append(f"{len(found)} photos: the first {MAX_PHOTOS} are kept")
        if problems:
            self._enter(index, name, "; ".join(dict.fromkeys(problems)), value)
        return found[:MAX_PHOTOS]

    def _enter(self, index: int, column: str, reason: str, value: Any) -> None:
        raw = printable(value if isinstance(value, str) else shorten(value, MAX_RAW))[:MAX_RAW]
        self._bad_values.append(BadValue(self.lines[index], self.skus[index], column, reason, raw))

    def _kept(self, values: Sequence[Any]) -> Sequence[Any]:
        return values if self._keep is None else list(compress(values, self._keep))


def parse_column(
    values: Sequence[Any], parse: Parser, *, texts: bool = False
) -> tuple[list[Any], dict[int, str]]:
    """Parse a column's values, each distinct text only once.

    Args:
        values: of any types.
        parse: raises ValueError for a bad value.
        texts: whether the values are known to be text or None.

    Returns:
        The parsed values, None for bad ones; and the reasons of the bad ones, by index.
    """
    if not texts and not set(map(type, values)) <= {str, type(None)}:
        return _parse_each(values, parse)
    if parse is parse_text and len(set(values[:FIRST])) > FIRST // 2:  # hardly any text repeats
        stripped = strip_texts(values)
        if stripped is not None:
            return stripped, {}
    parsed = _ParsedTexts(parse)
    found = list(map(parsed.__getitem__, values))
    reasons = parsed.reasons
    bad = (
        {i: reasons[value] for i, value in enumerate(values) if value in reasons} if reasons else {}
    )
    return found, bad


class _ParsedTexts(dict[str | None, Any]):
    """The parsed value of each distinct text, None for a bad one."""

    def __init__(self, parse: Parser) -> None:
        super().__init__()
        self._parse = parse
        self.reasons: dict[str | None, str] = {}
        """Why texts are bad."""

    def __missing__(self, text: str | None) -> Any:
        try:
            value = self._parse(text)
        except ValueError as error:
            value = None
            self.reasons[text] = str(error)
        self[text] = value
        return value


def _parse_each(values: Sequence[Any], parse: Parser) -> tuple[list[Any], dict[int, str]]:
    parsed: list[Any] = []
    bad: dict[int, str] = {}
    for index, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except ValueError as error:
            parsed.append(None)
            bad[index] = str(error)
    return parsed, bad


def named_columns(profile: Profile) -> dict[str, str]:
    """Return the columns that a profile names, each with its field or attribute."""
    core = profile.source.model_dump(
        include={"sku", "photo", *(name for name, _ in CORE)}, exclude_none=True
    )
    named = {column: field for field, column in core.items()}
    for column in profile.source.more_photos:
        named.setdefault(column, "more_photos")
    for each in profile.attributes:
        named.setdefault(each.column, f"attribute {each.name}")
    return named


def listed(names: Sequence[str]) -> str:
    """Return a list of names for a message."""
    shown = ", ".join(shorten(name)[1:-1] for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def printable(text: str) -> str:
    """Return a text with anything that UTF-8 can't encode escaped."""
    return text.encode(errors="backslashreplace").decode()
