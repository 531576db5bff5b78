"""How many requests a key, or an address without one, may send."""

from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from app.errors import LookalikeError
from app.http.keys import OPEN, caller
from app.http.problems import problem
from app.settings import Settings

POST_COST = 10
"""As how many requests one with a photo, or with many products, counts."""


def require_storage(uri: str) -> None:
    """Check that the counts can be kept there.

    Raises:
        LookalikeError: no such storage is known, its package is missing, or it can't be reached.
    """
    try:
        reached = storage_from_string(uri).check()
    except ConfigurationError as error:
        raise LookalikeError(
            f"LOOKALIKE_LIMIT_STORAGE is {uri.partition(':')[0]}: {error}"
        ) from None
    if not reached:
        raise LookalikeError("the storage in LOOKALIKE_LIMIT_STORAGE can't be reached: start it")


def register_limits(app: Flask, settings: Settings, *, keys: bool) -> None:
    """Limit the requests of the app.

    Args:
        app: the application.
        settings: the limits.
        keys: whether requests need a key.
    """
    address_limit = settings.limit_address or ("20/second" if keys else None)

    def limit() -> str:
        return settings.limit_key if caller() is not None else address_limit or settings.limit_key

    Limiter(
        _who,
        app=app,
        application_limits=[limit],
        application_limits_exempt_when=lambda: (
            request.endpoint in OPEN or (address_limit is None and caller() is None)
        ),
        application_limits_cost=lambda: POST_COST if request.method == "POST" else 1,
        strategy="sliding-window-counter",
        storage_uri=settings.limit_storage,
        headers_enabled=True,
        # A storage that is away must not take the shop with it: each process counts by itself.
        in_memory_fallback_enabled=True,
    )

    @app.errorhandler(RateLimitExceeded)
    def too_many(error: RateLimitExceeded) -> Response:
        whose = "this key" if caller() is not None else "this address"
        return problem(429, f"more than the {error.description} that {whose} may ask")


def _who() -> str:
    found = caller()
    if found is not None:
        return f"key {found.name}"
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket has none
        return "address"
    if isinstance(address, IPv6Address):  # whoever has one has 2^64
        return f"address {ip_network((address, 64), strict=False)}"
    return f"address {address}"
