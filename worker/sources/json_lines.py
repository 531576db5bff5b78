"""JSON Lines, and a JSON array of objects."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from app.errors import LookalikeError
from worker.sources.files import LONGEST_LINE, SourceFile, TextFile
from worker.sources.interfaces import ROWS, Frame, Reject
from worker.sources.nested import has_field, lookup

DECODER = json.JSONDecoder()
BLANK = re.compile(r"[ \t\r\n]*")
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
MAX_DETAILS_BYTES = 100_000
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Unparsed:
    """The type of `UNPARSED`, the placeholder for a value that can't be parsed."""

    def __str__(self) -> str:
        return "what is nested too deeply or too long"


UNPARSED = Unparsed()


def parse_object(text: str) -> dict[str, Any]:
    """Parse an object; a field that is nested too deeply or is too long a number is `UNPARSED`.

    Raises:
        ValueError: the text is not JSON, or not an object; the message says so.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it is not valid JSON: {error.msg} at character {error.pos + 1}"
        ) from None
    except (RecursionError, ValueError):
        found = _parse_fields(text)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def details_of(fields: dict[str, Any]) -> str:
    """Return a product's other fields as JSON text that Postgres can store as `jsonb`.

    Raises:
        ValueError: they can't be stored; the message says why.
    """
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a surrogate pair") from None
    except (ValueError, TypeError, RecursionError):
        raise ValueError("a value is not a number, or is nested too deeply or too long") from None
    if "\\u0000" in text and ESCAPED_NUL.search(text):
        raise ValueError("a text holds a NUL character")
    if size > MAX_DETAILS_BYTES:
        raise ValueError(f"they have {size:,} bytes; at most {MAX_DETAILS_BYTES:,} are stored")
    return text


def _parse_fields(text: str) -> Any:
    """Parse an object field by field."""
    at = _skip(text, 0)
    if not text.startswith("{", at):
        return None
    at = _skip(text, at + 1)
    fields: dict[str, Any] = {}
    while not text.startswith("}", at):
        try:
            name, at = DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)  # the colon
        except json.JSONDecodeError as error:
            raise ValueError(
                f"it is not valid JSON: {error.msg} at character {error.pos + 1}"
            ) from None
        end = _end_of_value(text, at)
        try:
            fields[str(name)] = json.loads(text[at:end])
        except (ValueError, RecursionError):
            fields[str(name)] = UNPARSED
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("}", at):
            raise ValueError(f"it is not valid JSON: Expecting ',' delimiter at character {at + 1}")
    return fields


def _end_of_value(text: str, start: int) -> int:
    depth = 0
    for token in TOKEN.finditer(text, start):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            if depth == 0:
                return token.start()
            depth -= 1
        elif mark == "," and depth == 0:
            return token.start()
    return len(text)


def _skip(text: str, at: int) -> int:
    blank = BLANK.match(text, at)
    return at if blank is None else blank.end()


SEEN = 10_000
"""Objects whose fields make the columns; a field that none of them has is missing."""

ARRAY = re.compile(r'\ufeff?\s*(?:\{\s*"[^"\\]{1,100}"\s*:\s*)?\[')
"""The beginning of a file that is one array, or an object around one."""

WRAPPER = re.compile(r'\{\s*"(?:products|items|data|results|entries|records)"\s*:\s*\[\s*\{')
MARK = re.compile(r'["\[\]{},]')
END_OF_TEXT = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class ObjectFrame(Frame):
    """Objects, one for each row."""

    def __init__(
        self,
        objects: list[dict[str, Any]],
        lines: list[int],
        raws: list[str],
        rejects: list[Reject],
    ) -> None:
        super().__init__(lines, rejects)
        self.objects = objects
        self._raws = raws

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return a field of each object; `a.b` is the field b of the object a."""
        if "." not in name or any(name in each for each in self.objects):
            return [each.get(name) for each in self.objects]
        return [lookup(each, name) for each in self.objects]

    def raw(self, index: int) -> str:
        """Return the text of an object."""
        return self._raws[index]

    def details(self, index: int, used: frozenset[str]) -> str | None:
        """Return the fields that aren't used."""
        found = self.objects[index]
        if found.keys() <= used:
            return None
        rest = {name: value for name, value in found.items() if name not in used}
        return details_of(rest)


class JsonTable:
    """A file of JSON objects: one on each line, or in an array. See `Table`.

    Raises:
        LookalikeError: the file is not text, or not JSON.
    """

    def __init__(self, file: SourceFile, encoding: str = "utf-8") -> None:
        self.name = file.name
        self.root = file.root
        self.notes: list[str] = []
        self._file = file
        self._text = TextFile(file, encoding)
        start = self._text.start.lstrip("\ufeff \t\r\n")
        if start[:1] not in ("{", "["):
            raise LookalikeError(
                f"{self.name} is not a JSON Lines file: expected an object in braces on each line"
            )
        self._is_array = start[0] == "[" or (ARRAY.match(start) is not None and not _is_line(start))
        self.columns: list[str] = []
        self._first: list[dict[str, Any]] = []
        self._look_ahead()

    def has(self, column: str) -> bool:
        """Return whether any of the first objects has a field."""
        if not self._first or column in self.columns:
            return True
        return any(has_field(each, column) for each in self._first)

    def size(self) -> int | None:
        """Return the approximate number of objects; None for an array."""
        return None if self._is_array else self._file.count_lines()

    def frames(self) -> Iterator[ObjectFrame]:
        """Read all objects."""
        texts = self._elements() if self._is_array else self._lines()
        while chunk := list(islice(texts, ROWS)):
            yield _parse(chunk)

    def _look_ahead(self) -> None:
        names: dict[str, None] = {}
        seen = 0
        for frame in self.frames():
            for each in frame.objects:
                names.update(dict.fromkeys(each))
            self._first += frame.objects
            seen += len(frame.lines)
            if seen >= SEEN:
                break
        self.columns = list(names)

    def _lines(self) -> Iterator[tuple[int, str]]:
        number = 0
        for lines in self._text.blocks():
            for line in lines:
                number += 1
                text = line.strip("\ufeff \t\r")
                if text:
                    yield number, text

    def _elements(self) -> Iterator[tuple[int, str]]:
        """Yield the texts of an array's elements, and the line that each begins on."""
        splitter = _ArraySplitter(self.name)
        for lines in self._text.blocks():
            yield from splitter.feed("\n".join(lines) + "\n")
        splitter.close()


class _ArraySplitter:
    """Splits the text of an array into its elements, without parsing them.

    Python's json module parses only whole documents; this keeps memory flat for a file of any size.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""
        self._at = 0
        """Position in the text to continue from."""
        self._start: int | None = None
        """Where the current element begins; None before the array."""
        self._depth = 0
        self._line = 1
        self._done = False

    def feed(self, text: str) -> Iterator[tuple[int, str]]:
        """Add text, and yield the elements that are complete."""
        if self._done:
            return
        self._text += text
        if self._start is None:
            opening = ARRAY.match(self._text)
            if opening is None:
                return
            self._start = self._at = opening.end()
        yield from self._split()
        self._drop(self._start)
        if len(self._text) > LONGEST_LINE:
            raise LookalikeError(
                f"{self._name}: the element on line {self._line} has more than "
                f"{LONGEST_LINE:,} characters: is it of this format?"
            )

    def close(self) -> None:
        """Check that the array was closed.

        Raises:
            LookalikeError: it wasn't.
        """
        if not self._done:
            raise LookalikeError(
                f"{self._name} is cut off: its JSON array is not closed; fetch the file again"
            )

    def _split(self) -> Iterator[tuple[int, str]]:
        assert self._start is not None  # noqa: S101
        while found := MARK.search(self._text, self._at):
            mark = found[0]
            self._at = found.end()
            if mark == '"':
                end = END_OF_TEXT.match(self._text, self._at)
                if end is None:
                    self._at = found.start()
                    return
                self._at = end.end()
            elif mark in "[{":
                self._depth += 1
            elif mark in "]}" and self._depth:
                self._depth -= 1
            elif self._depth == 0:
                element = self._text[self._start : found.start()]
                text = element.strip()
                if text:
                    blank = element[: len(element) - len(element.lstrip())]
                    line = self._line + self._text.count("\n", 0, self._start) + blank.count("\n")
                    yield line, text
                self._start = self._at
                if mark != ",":
                    self._done = True
                    return

    def _drop(self, end: int) -> None:
        self._line += self._text.count("\n", 0, end)
        self._text = self._text[end:]
        self._at -= end
        self._start = 0


def _is_line(start: str) -> bool:
    """Return whether the first line is an object by itself that doesn't wrap all products."""
    if WRAPPER.match(start):
        return False
    try:
        parse_object(start.partition("\n")[0])
    except ValueError:
        return False
    return True


def _parse(chunk: list[tuple[int, str]]) -> ObjectFrame:
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    raws: list[str] = []
    rejects: list[Reject] = []
    for line, text in chunk:
        try:
            objects.append(parse_object(text))
        except ValueError as error:
            rejects.append(Reject(line, str(error), text))
            continue
        lines.append(line)
        raws.append(text)
    return ObjectFrame(objects, lines, raws, rejects)
