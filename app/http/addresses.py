"""Addresses on this server, below the path that a proxy may put it at; skus in them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from flask import request, url_for
from werkzeug.routing import BaseConverter

from app.items.keys import path_name
from app.items.product import Product


def prefix() -> str:
    """Return what every address on this server begins with: the path that a proxy puts it at."""
    return request.script_root


def address(path: str | None) -> str | None:
    """Return a path of ours as a page of ours has to name it."""
    return path and prefix() + path


def item_url(product: Product) -> str:
    """Return the address of a product's page."""
    return url_for("pages.item", item=path_name(product.item_id, product.sku))


def with_parameters(url: str, parameters: Mapping[str, Any]) -> str:
    """Return a URL with a query string: a list is a parameter given several times."""
    query = urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
    return f"{url}?{query}" if query else url


class SkuConverter(BaseConverter):
    """The rest of a path, or all up to what the rule says comes after it."""

    regex = ".+?"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Quote a sku, slashes too: proxies make one of two that follow each other."""
        return quote(value, safe="")
