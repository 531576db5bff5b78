"""The file that a source is: on disk, compressed, from standard input, or behind an URL."""

import gzip
import shutil
import sys
import tempfile
import weakref
import zlib
from base64 import b64encode
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from app import __version__
from app.errors import LookalikeError

GZIP = b"\x1f\x8b"
HEAD = 1 << 16
"""Bytes that are looked at to see what a file is."""

TIMEOUT = 60.0
"""Seconds that a server may be silent."""

BROKEN = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a damaged compressed file raises."""


class SourceFile:
    """A file to read, any number of times.

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
            self.name = without_password(source)
            self.root = self.name.partition("?")[0].rpartition("/")[0]
            self.path = self._download(source)
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
        """Count the line ends; None for a compressed file, which would have to be unpacked."""
        if self.compressed:
            return None
        with self.path.open("rb") as file:
            blocks = iter(lambda: file.read(1 << 20), b"")
            return sum(block.count(b"\n") or block.count(b"\r") for block in blocks)

    def damaged(self) -> LookalikeError:
        """Say that a compressed file can't be unpacked."""
        return LookalikeError(f"{self.name} is damaged or cut off: it can't be unpacked as gzip")

    def _spool(self, stream: BinaryIO) -> Path:
        spooled = tempfile.NamedTemporaryFile(prefix="lookalike-")  # noqa: SIM115
        weakref.finalize(self, spooled.close)  # which deletes it
        shutil.copyfileobj(stream, spooled, 1 << 20)
        spooled.flush()
        return Path(spooled.name)

    def _download(self, url: str) -> Path:
        address, login = _split_login(url)
        request = Request(address, headers={"User-Agent": f"lookalike/{__version__}"})  # noqa: S310
        if login:
            request.add_unredirected_header("Authorization", login)
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - http or https
                return self._spool(answer)
        except HTTPError as error:
            error.close()
            raise LookalikeError(f"{self.name} answers {error.code} {error.reason}") from None
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise LookalikeError(f"can't read {self.name}: {reason}") from None


def require_utf8(path: str) -> None:
    """Refuse a path that Postgres could not store.

    Raises:
        LookalikeError: its name is not UTF-8.
    """
    try:
        str(Path(path).resolve() if path != "-" and "\0" not in path else path).encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="backslashreplace").decode()
        raise LookalikeError(f"the name of {shown} is not UTF-8: rename it") from None


def is_web(source: str) -> bool:
    """Return whether a source is an http or https URL."""
    return source.lower().startswith(("http://", "https://"))


def without_password(url: str) -> str:
    """Return a URL as messages may show it: without what stands before an @."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _split_login(url: str) -> tuple[str, str | None]:
    """Return a URL without name and password, and these as an Authorization header."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return url, None
    token = b64encode(unquote(login).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), f"Basic {token}"
