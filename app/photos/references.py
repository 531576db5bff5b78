"""References of photos: a URL, or a path below the root."""

import re
from urllib.parse import urlsplit

from app.photos.errors import PhotoError

MAX_URL_LENGTH = 2_000
"""Maximum length of a URL. Servers and proxies refuse longer ones themselves."""

PROTOCOLS = ("http", "https", "s3", "gs")
"""Protocols that URLs in a catalog may have."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]*)://")
_HALF_URL = re.compile(r"\s*(?:https?|file|ftp|data|s3|gs):", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_url(text: str) -> bool:
    """Return whether a root or a reference is a URL. Anything else is a path."""
    return _URL.match(text) is not None


def redacted(url: str) -> str:
    """Return a URL for messages, without password and query.

    The query of a signed URL is as good as a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    user, at, place = rest.rpartition("@")
    # A password may contain an unescaped /, ?, # or @, so everything up to the last @ is cut off,
    # even if that is in the path. Without a colon there is no password.
    if not at or (":" not in user and re.search(r"[/?#]", user)):
        place = rest
    return f"{scheme}://{re.split(r'[?#]', place, maxsplit=1)[0]}".rstrip("/")


def address_in(reference: str) -> str | None:
    """Return a reference that is a URL, and None for a path below the root.

    Raises:
        PhotoError: the URL's protocol isn't supported, or the URL can't be used.
    """
    if ":" not in reference:
        return None
    match = _URL.match(reference.lstrip())
    if match is None:
        if _HALF_URL.match(reference):
            protocol = reference.lstrip().partition(":")[0].lower()
            raise PhotoError(f"the photo's address begins with {protocol}:, not with https://")
        return None
    protocol = match.group(1).lower()
    if protocol not in PROTOCOLS:
        raise PhotoError(
            f"photos are read from http, https, s3 and gs addresses, not from {protocol}://"
        )
    url = reference.strip()
    if len(url) > MAX_URL_LENGTH:
        raise PhotoError(too_long(len(url)))
    if _CONTROL.search(url):
        raise PhotoError("the photo's address holds a line break or another control character")
    return protocol + url[len(protocol) :]


def too_long(length: int) -> str:
    """Return the message for a URL of that many characters."""
    return f"the photo's address has {length:,} characters: {MAX_URL_LENGTH:,} are allowed"


def check_path(path: str) -> str:
    """Return a path if it stays below the root; symbolic links aren't resolved.

    Raises:
        PhotoError: the path is empty, absolute or contains `..`, or no file can have such a name.
    """
    if not path:
        raise PhotoError("the photo's path is empty")
    if path[0] == "/":
        if path.startswith("//"):
            raise PhotoError("the photo's address has no protocol: put https: before it")
        raise PhotoError("the photo's path begins with /: it has to be below the photos' root")
    if ".." in path and ".." in path.split("/"):
        raise PhotoError("the photo's path has a .. in it: it has to stay below the photos' root")
    if "\0" in path:
        raise PhotoError("the photo's path holds a NUL character")
    if not path.isascii() and any("\ud800" <= character <= "\udfff" for character in path):
        raise PhotoError("the photo's path isn't valid Unicode")
    return path


def bucket_of(url: str) -> tuple[str, str]:
    """Return the URL of the bucket that an s3 or gs address names, and the key in it.

    Raises:
        PhotoError: either is missing.
    """
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket or not key:
        raise PhotoError("the photo's address names no bucket or no file in it")
    return f"{urlsplit(url).scheme}://{bucket}", key
