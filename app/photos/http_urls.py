"""Addresses of HTTP: what is sent, what is followed."""

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from yarl import URL

from app.photos.errors import PhotoError, UnavailablePhotoError

_VALID = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
"""A URL that needs no encoding."""


def parse_url(text: str) -> URL:
    """Return an http(s) address, with what has to be percent-encoded encoded.

    A path and query that are valid stay as they are, to the byte: a signature may cover them.

    Raises:
        PhotoError: it isn't one.
    """
    try:
        url = URL(text).with_fragment(None)
        # A % in a host is left for the resolver to make something of, or names an interface.
        if url.scheme in ("http", "https") and url.host and "%" not in url.host and url.port:
            return _verbatim(url, urlsplit(text)) if _VALID.fullmatch(text) else url
    except ValueError:
        pass
    raise PhotoError("the photo's address is not an http or https address with a host")


def _verbatim(url: URL, parts: SplitResult) -> URL:
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=parts.path or "/",
        query_string=parts.query,
        encoded=True,
    )


def is_same_origin(url: URL, origin: URL | None) -> bool:
    """Return whether an address has this origin, or its form with TLS."""
    if origin is None:
        return False
    found = url.origin()
    return found == origin or (
        origin.is_default_port() and found == origin.with_scheme("https").with_port(None)
    )


def redirect_target(url: URL, location: str) -> URL:
    """Return where an address redirects to, with its password only if that is the same origin.

    Raises:
        PhotoError: not to an address that may be followed.
    """
    try:
        address = urljoin(str(url), location)
        scheme = urlsplit(address).scheme
    except ValueError:
        raise UnavailablePhotoError(f"{url.host} redirects to what is no address") from None
    if scheme not in ("http", "https"):
        raise PhotoError(f"{url.host} redirects to {scheme}://, which isn't followed")
    target = parse_url(address)
    if target.user is None and url.user is not None and target.origin() == url.origin():
        return target.with_user(url.user).with_password(url.password)
    return target
