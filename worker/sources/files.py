"""A source's file, its bytes and its lines of text: a local file, standard input or a URL."""

import codecs
import gzip
import re
import shutil
import sys
import tempfile
import weakref
import zlib
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from charset_normalizer import from_bytes

from app import __version__
from app.errors import LookalikeError
from app.photos.references import redacted

GZIP = b"\x1f\x8b"
HEAD = 1 << 16
"""Bytes by which a file's format is recognised."""

TIMEOUT = 60.0
"""Seconds to wait for a server's next bytes."""

BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
"""Exceptions of reading a damaged compressed file."""


class SourceFile:
    """A file that can be read any number of times.

    Args:
        source: a path, `-` for standard input, or an http or https URL.

    Raises:
        LookalikeError: there is no such file, or it is empty.
    """

    def __init__(self, source: str) -> None:
        if source == "-":
            self.name, self.root = "standard input", None
            self.path = self._spool(cast(BinaryIO, sys.stdin.buffer))
        elif is_web(source):
            self.name = redacted(source)
            self.path = self._download(source)
            parts = urlsplit(source)
            folder = parts.path.rpartition("/")[0]
            self.root = redacted(f"{parts.scheme}://{parts.netloc}{folder}")
        else:
            self.name, self.root = source, None
            self.path = Path(source)
            self.root = str(self.path.parent.resolve())
        require_utf8(source)
        try:
            with self.path.open("rb") as file:
                self.head = file.read(HEAD)
        except FileNotFoundError:
            raise LookalikeError(f"there is no file {self.name}: check the path") from None
        except IsADirectoryError:
            raise LookalikeError(
                f"{self.name} is a folder without styles.csv: name the file that lists the products"
            ) from None
        except OSError as error:
            raise LookalikeError(f"can't read {self.name}: {error.strerror}") from None
        except ValueError:
            raise LookalikeError(f"{self.name!r} is not a path") from None
        self.compressed = self.head.startswith(GZIP)
        if self.compressed:
            try:
                with self.open() as file:
                    self.head = file.read(HEAD)
            except BROKEN:
                raise self.damaged() from None
        if not self.head.strip():
            raise LookalikeError(f"{self.name} is empty: no product is in it")

    def open(self) -> BinaryIO:
        """Open the file for reading, uncompressed."""
        if self.compressed:
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def count_lines(self) -> int | None:
        """Count the line ends; None for a compressed file, which is not worth unpacking for it."""
        if self.compressed:
            return None
        with self.path.open("rb") as file:
            blocks = iter(lambda: file.read(1 << 20), b"")
            return sum(block.count(b"\n") or block.count(b"\r") for block in blocks)

    def damaged(self) -> LookalikeError:
        """Return the error of a compressed file that can't be unpacked."""
        return LookalikeError(f"{self.name} is damaged or cut off: it can't be unpacked as gzip")

    def _spool(self, stream: BinaryIO) -> Path:
        spooled = tempfile.NamedTemporaryFile(prefix="lookalike-")  # noqa: SIM115
        weakref.finalize(self, spooled.close)  # which deletes it
        shutil.copyfileobj(stream, spooled, 1 << 20)
        spooled.flush()
        return Path(spooled.name)

    def _download(self, url: str) -> Path:
        try:
            address, login = _split_login(url)
            agent = {"User-Agent": f"lookalike/{__version__}"}
            request = Request(address, headers=agent)  # noqa: S310 - http or https
            if login:
                request.add_unredirected_header("Authorization", login)
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - http or https
                return self._spool(answer)
        except HTTPError as error:
            error.close()
            raise LookalikeError(f"{self.name} answers {error.code} {error.reason}") from None
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise LookalikeError(f"can't read {self.name}: {reason}") from None


def require_utf8(path: str) -> None:
    """Refuse a path that is not UTF-8, since Postgres can't store it.

    Raises:
        LookalikeError: the path is not UTF-8.
    """
    try:
        str(Path(path).resolve() if path != "-" and "\0" not in path else path).encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="backslashreplace").decode()
        raise LookalikeError(f"the name of {shown} is not UTF-8: rename it") from None


def is_database(source: str) -> bool:
    """Return whether a source is the URL of a database."""
    return re.match(r"[a-z][a-z0-9+_]*://", source) is not None and not source.startswith(
        ("http://", "https://", "s3://", "gs://", "file://")
    )


def is_web(source: str) -> bool:
    """Return whether a source is an http or https URL."""
    return source.lower().startswith(("http://", "https://"))


def _split_login(url: str) -> tuple[str, str | None]:
    """Return a URL without its user and password, and an Authorization header made of them."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return url, None
    token = b64encode(unquote(login).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), f"Basic {token}"


BLOCK = 1 << 16
"""Bytes to decode at once: rows that fit the processor's cache are parsed three times as fast."""

LONGEST_LINE = 1 << 24
"""Characters in a line. A file with a longer one has another format."""

LATIN = ["cp1252", "cp1250", "cp1254", "mac_roman"]
OTHERS = [
    *("cp1251", "cp1253", "koi8_r", "cp866"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
"""Encodings other than UTF-8 and UTF-16 that lists of products have, usual ones first."""

NOT_LATIN = re.compile(rb"[\x80-\xff]{3}")
"""What words in other scripts have. In Latin letters the bytes beyond ASCII are too few for
statistics, and people have to tell a € from an А."""

SYMBOL_IN_WORD = re.compile(r"[A-Za-z][¹³£¿¯¾][A-Za-z]")
"""What Polish in cp1250 looks like in cp1252: Zamki b³yskawiczne."""

TELLING = 500
"""Lines with other letters than ASCII's that an encoding is told by."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings."""


class TextFile:
    """A text file.

    Args:
        file: the file.
        encoding: the profile's; a byte order mark takes precedence.

    Raises:
        LookalikeError: the encoding is unknown, or the file is not text.
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
        """Yield lists of lines, without line ends.

        Raises:
            LookalikeError: a line is in another encoding, or the file is damaged.
        """
        decoder = codecs.getincrementaldecoder(self.encoding)()
        number = 1  # line number of `rest`
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
        lines = error.object.partition(b"\n")[2] if number > 1 else error.object
        first, *others = (f'"{name}"' for name in likely_encodings(lines or error.object))
        also = f" (or {', '.join(others)})" if others else ""
        return LookalikeError(
            f"{self.name} is not {self.encoding.removesuffix('-sig').upper()} on line {at} (byte "
            f"0x{wrong.hex().upper()}): save it as UTF-8, or say encoding = {first}{also} under "
            "[source] of the profile"
        )


def likely_encodings(data: bytes) -> list[str]:
    """Return the encodings that text which is not UTF-8 may have, likely ones first.

    Args:
        data: some lines of it; the last may be cut off.
    """
    if data[1::2].count(0) > len(data) // 4:
        return ["utf-16-le"]
    if data[::2].count(0) > len(data) // 4:
        return ["utf-16-be"]
    lines = data[: data.rfind(b"\n") + 1 or None].split(b"\n")
    telling = b"\n".join([line for line in lines if not line.isascii()][:TELLING])
    if not NOT_LATIN.search(telling):
        fitting = [name for name in LATIN if _decodes(telling, name)]
        return fitting or ["latin-1"]
    found = from_bytes(telling, cp_isolation=LATIN + OTHERS, threshold=0.5)
    best = found.best()
    if best is None:
        return ["latin-1"]
    plausible = {
        name
        for match in found
        if match.chaos <= best.chaos + 0.005 and match.coherence >= best.coherence - 0.05
        for name in match.could_be_from_charset
    }
    return [name for name in LATIN + OTHERS if name in plausible]


def _decodes(data: bytes, encoding: str) -> bool:
    """Return whether an encoding has all of the bytes, and no symbols inside words."""
    try:
        return SYMBOL_IN_WORD.search(data.decode(encoding)) is None
    except UnicodeDecodeError:
        return False


def refuse_other_kinds(name: str, head: bytes, text: str) -> None:
    """Refuse a web page or a file in another format than text.

    Raises:
        LookalikeError: it is one of these; the text says what to do.
    """
    if head.startswith(b"PAR1"):
        raise LookalikeError(f'{name} is a Parquet file: say format = "parquet" in the profile')
    if head.startswith(b"PK\x03\x04"):
        raise LookalikeError(
            f"{name} is a ZIP archive or an Excel workbook: unpack it, or save it as CSV"
        )
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")):
        raise LookalikeError(f"{name} is a picture: name the file that lists the products")
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


def is_xml(head: bytes) -> bool:
    """Return whether a file's first bytes begin XML or HTML, in UTF-8 or UTF-16."""
    in_utf16 = head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<"))
    return in_utf16 or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def is_html(text: str) -> bool:
    """Return whether a text is a web page."""
    start = text.lstrip("\ufeff \t\r\n")[:2000].lower()
    if start.startswith("<?xml"):
        start = start.partition("?>")[2].lstrip()
    while start.startswith("<!--"):
        start = start.partition("-->")[2].lstrip()
    return start.startswith(("<!doctype html", "<html", "<head", "<body"))
