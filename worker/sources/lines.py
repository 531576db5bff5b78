"""The lines of a text file, whatever its encoding and line ends."""

import codecs
from collections.abc import Iterator

from app.errors import LookalikeError
from worker.sources.files import BROKEN, SourceFile

BLOCK = 1 << 19
"""Bytes that are decoded at once."""

LONGEST_LINE = 1 << 24
"""Characters. A longer line is a file of another kind."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, and the encodings that they say."""


class TextFile:
    """A text file.

    Args:
        file: the file.
        encoding: as the profile says; a byte order mark goes before it.

    Raises:
        LookalikeError: there is no such encoding, or the file is not a text.
    """

    def __init__(self, file: SourceFile, encoding: str = "utf-8") -> None:
        self.file = file
        self.name = file.name
        marked = next((name for mark, name in MARKS if file.head.startswith(mark)), None)
        self.encoding = marked or encoding
        try:
            codecs.lookup(self.encoding)
            start = codecs.getincrementaldecoder(self.encoding)("replace").decode(file.head)
        except (LookupError, ValueError, AssertionError):
            raise LookalikeError(
                f"the profile's encoding {encoding!r} is unknown: say utf-8, cp1252, latin-1, …"
            ) from None
        refuse_other_kinds(file.name, file.head, start)
        self.start = start
        """The beginning of the text."""
        newline, carriage = start.find("\n"), start.find("\r")
        # Old programs end lines with a carriage return alone.
        self._carriage_returns = carriage >= 0 and (
            newline < 0 or (carriage + 1 < newline and start.count("\n") < start.count("\r") / 2)
        )

    def blocks(self) -> Iterator[list[str]]:
        """Yield the lines without their ends, many at a time.

        Raises:
            LookalikeError: a line is in another encoding, or the file is damaged.
        """
        decoder = codecs.getincrementaldecoder(self.encoding)()
        number = 1  # of the line that `rest` begins
        rest = ""
        with self.file.open() as stream:
            while True:
                try:
                    data = stream.read(BLOCK)
                    text = decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    raise self._undecodable(number, error) from None
                except BROKEN:
                    raise self.file.damaged() from None
                *lines, rest = self._split(rest + text)
                if len(rest) > LONGEST_LINE:
                    raise LookalikeError(
                        f"{self.name}: line {number + len(lines)} has more than {LONGEST_LINE:,} "
                        "characters: is it of this format?"
                    )
                number += len(lines)
                if lines:
                    yield lines
                if not data:
                    break
        if rest:
            yield [rest.removesuffix("\r")]

    def _split(self, text: str) -> list[str]:
        if self._carriage_returns:
            return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = text.split("\n")
        if "\r" in text:
            lines[:-1] = [line.removesuffix("\r") for line in lines[:-1]]
        return lines

    def _undecodable(self, number: int, error: UnicodeDecodeError) -> LookalikeError:
        wrong = error.object[error.start : error.start + 1]
        at = number + error.object.count(b"\n", 0, error.start)
        guess = guess_encoding(error.object)
        return LookalikeError(
            f"{self.name} is not {self.encoding.removesuffix('-sig').upper()} on line {at} (byte "
            f'0x{wrong.hex().upper()}): save it as UTF-8, or say encoding = "{guess}" under '
            "[source] of the profile"
        )


def guess_encoding(data: bytes) -> str:
    """Return the likely encoding of text that is not UTF-8."""
    if data[1::2].count(0) > len(data) // 4:
        return "utf-16-le"
    if data[::2].count(0) > len(data) // 4:
        return "utf-16-be"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def refuse_other_kinds(name: str, head: bytes, text: str) -> None:
    """Refuse what was taken for text and isn't.

    Raises:
        LookalikeError: it is a web page, or a file of another format.
    """
    if head.startswith(b"PAR1"):
        raise LookalikeError(f'{name} is a Parquet file: say format = "parquet" in the profile')
    if head.startswith(b"PK\x03\x04"):
        raise LookalikeError(
            f"{name} is a ZIP archive or an Excel workbook: unpack it, or save it as CSV"
        )
    if head.startswith(b"SQLite format 3\0"):
        raise LookalikeError(f"{name} is a SQLite database: name it sqlite:///PATH, with --query")
    if text.lstrip("\ufeff \t\r\n").startswith(("<?xml", "<rss", "<feed")) and not is_html(text):
        raise LookalikeError(
            f'{name} is XML: say format = "google-merchant" in the profile if it is such a feed'
        )
    if is_html(text):
        raise LookalikeError(
            f"{name} is a web page (HTML) and no list of products: perhaps the page of a login or "
            "an error; download the feed itself"
        )


def is_html(text: str) -> bool:
    """Return whether a text is a web page."""
    start = text.lstrip("\ufeff \t\r\n")[:2000].lower()
    if start.startswith("<?xml"):
        start = start.partition("?>")[2].lstrip()
    while start.startswith("<!--"):
        start = start.partition("-->")[2].lstrip()
    return start.startswith(("<!doctype html", "<html", "<head", "<body"))
