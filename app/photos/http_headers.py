"""What the headers of HTTP say of a photo and of its server."""

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

WEB_PAGE_BYTES = 1024
"""As many first bytes as tell HTML."""

_LONGEST = 500
"""Characters of an ETag that are kept. A longer one says nothing."""


class Version(NamedTuple):
    """What tells one version of a photo from another."""

    etag: str | None
    modified: str | None
    length: int | None

    def as_text(self) -> str | None:
        """Return the validator to store; None where the server sent nothing to go by."""
        if self.etag is None and self.modified is None:
            return None
        return json.dumps({k: v for k, v in self._asdict().items() if v is not None})


def version_of(headers: Mapping[str, str]) -> Version:
    """Return the version of a photo that an answer is about."""
    length = headers.get("Content-Length", "")
    return Version(
        _plain(headers.get("ETag")),
        _plain(headers.get("Last-Modified")),
        int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
    )


def conditions(validator: str | None) -> dict[str, str]:
    """Return the headers that ask for a photo only if it isn't that version any more."""
    try:
        stored = json.loads(validator or "{}")
    except ValueError:
        return {}  # from another kind of storage
    if not isinstance(stored, dict):
        return {}
    names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return {names[key]: str(stored[key]) for key in names if key in stored}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return after how many seconds a server wants to be asked again, None if it doesn't say."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def is_web_page(start: bytes) -> bool:
    """Return whether the first bytes of a file are HTML.

    What the server says of the type isn't asked: it is wrong too often.
    """
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<?xml", b"<!--")):
        return b"<html" in start
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def _plain(value: str | None) -> str | None:
    """Return a header's value if it can be stored and sent back as it is."""
    if value and len(value) <= _LONGEST and value.isascii() and value.isprintable():
        return value
    return None
