"""Which URLs and IP addresses photos may be fetched from.

A catalog is written by others. Its URLs must not make this machine fetch what only it can reach:
its own services, those of its network, and the metadata service of its cloud.
"""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urljoin, urlsplit

from yarl import URL

from app.photos.errors import PhotoError, UnavailablePhotoError

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_RESERVED = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "100.64.0.0/10",  # shared by the customers of a provider, and used inside clouds
        "192.0.0.0/24",
        "192.88.99.0/24",  # once the way into 6to4
        "168.63.129.16/32",  # Azure's own services, which answer to a virtual machine alone
    )
)

_VALID = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
"""A URL that needs no encoding."""


def parse_url(text: str) -> URL:
    """Parse an http(s) URL, and percent-encode what needs it.

    A valid path and query are kept byte for byte: a signature may cover them.

    Raises:
        PhotoError: it isn't one.
    """
    try:
        url = URL(text).with_fragment(None)
        # A % in a host would be left to the resolver, or names a network interface.
        if url.scheme in ("http", "https") and url.host and "%" not in url.host and url.port:
            return _verbatim(url, urlsplit(text)) if _VALID.fullmatch(text) else url
    except ValueError:
        pass
    raise PhotoError("the photo's address is not an http or https address with a host")


def is_same_origin(url: URL, origin: URL | None) -> bool:
    """Return whether a URL has this origin, or the same over TLS."""
    if origin is None:
        return False
    found = url.origin()
    return found == origin or (
        origin.is_default_port() and found == origin.with_scheme("https").with_port(None)
    )


def redirect_target(url: URL, location: str) -> URL:
    """Return the URL that a response redirects to; the password is kept for the same origin only.

    Raises:
        PhotoError: the target isn't an http(s) URL.
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


def is_public(address: str) -> bool:
    """Return whether an IP address is a public address of the internet.

    An embedded address (IPv4-mapped, NAT64, 6to4) has to be public too. Text that is no IP address
    in its usual notation is not public.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return _is_public_v4(found)
    if found.scope_id is not None:
        return False
    if found.ipv4_mapped is not None:
        return _is_public_v4(found.ipv4_mapped)
    if found in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    if found.sixtofour is not None and not _is_public_v4(found.sixtofour):
        return False
    return found in _GLOBAL_UNICAST and found.is_global and not found.is_multicast


def literal_address(host: str) -> str | None:
    """Return a URL's host in the usual notation of IP addresses, if it is one.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are 127.0.0.1 to every system's resolver.

    Returns:
        None where the host is a name.
    """
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeError, ValueError):
        return None


def _verbatim(url: URL, parts: SplitResult) -> URL:
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=parts.path or "/",
        query_string=parts.query,
        encoded=True,
    )


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    if any(address in network for network in _RESERVED):
        return False
    return address.is_global and not address.is_multicast
