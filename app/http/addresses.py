"""URLs of this server, below a proxy's path prefix, and skus in them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from flask import request, url_for
from werkzeug.routing import BaseConverter

from app.items.keys import path_name
from app.items.product import Product

VERSION = 16
"""Digits of a photo's hash that name its version in an address."""


def prefix() -> str:
    """Return the path prefix under which a proxy serves this application."""
    return request.script_root


def address(path: str | None) -> str | None:
    """Return a path of this application with the prefix."""
    return path and prefix() + path


def item_url(product: Product) -> str:
    """Return the URL of a product's page."""
    return url_for("pages.item", item=path_name(product.item_id, product.sku))


def thumbnail_url(image_url: str, sha256: str | None, width: int) -> str:
    """Return the URL of a photo's thumbnail, which names the photo's version if that is known.

    Args:
        image_url: the photo's path on this server.
        sha256: of its file, in hex.
        width: one of `app.photos.thumbnails.Width`.
    """
    version = f"&v={sha256[:VERSION]}" if sha256 else ""
    joint = "&" if "?" in image_url else "?"
    return f"{prefix()}{image_url}{joint}width={width}{version}"


def with_parameters(url: str, parameters: Mapping[str, Any]) -> str:
    """Return a URL with a query string: a list is a parameter given several times."""
    query = urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
    return f"{url}?{query}" if query else url


class SkuConverter(BaseConverter):
    """A sku in a path, slashes included."""

    regex = ".+?"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Quote a sku, slashes too, since proxies merge consecutive slashes."""
        return quote(value, safe="")
